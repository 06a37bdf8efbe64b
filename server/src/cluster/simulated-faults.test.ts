import { describe, it } from "vitest";
import { simulateFaults } from "./simulated-faults.ts";

/** A few; simulated-faults.fuzz.ts tries thousands. */
const SEEDS = Array.from({ length: 3 }, (_, i) => i * 104_729 + 3);
/** These have found something. */
const SEEDS_THAT_FAILED = [2_002_932, 2_003_290, 2_003_572, 2_003_668, 3_003_599, 5_005_696];

describe("simulated faults", () => {
  const seeds = [...SEEDS, ...SEEDS_THAT_FAILED];
  it.each(seeds)("leave one agreed cluster behind, seed %i", (seed) => simulateFaults(seed));
});
