import { describe, it } from "vitest";
import { simulateFaults } from "./simulated-faults.ts";

const SEEDS = Array.from({ length: 10 }, (_, i) => i * 104_729 + 3);

describe("simulated faults", () => {
  it.each(SEEDS)("leave one agreed cluster behind, seed %i", (seed) => simulateFaults(seed));
});
