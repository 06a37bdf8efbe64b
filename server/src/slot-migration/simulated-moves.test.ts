import { describe, expect, it } from "vitest";
import { simulateMoves } from "./simulated-moves.ts";

/** A few, for a short time; simulated-moves.fuzz.ts tries thousands. */
const SEEDS = Array.from({ length: 24 }, (_, i) => i * 104_729 + 3);
const FAULT_MS = 8000;
/** They take some seconds, on a busy machine several times as many. */
const TIMEOUT_MS = 60_000;
/** These have found something. */
const SEEDS_THAT_FAILED = [7, 39, 111, 73, 1108, 1133, 5029, 20_116, 20_164, 20_709, 21_344, 21_996, 22_009];

describe("simulated moves of slots", { timeout: TIMEOUT_MS }, () => {
  it("end under faults, and lose nothing", () => {
    const moved = SEEDS.map((seed) => simulateMoves(seed, FAULT_MS).moved);
    expect(moved.filter((count) => count > 0).length).toBeGreaterThan(SEEDS.length / 2);
  });

  it.each(SEEDS_THAT_FAILED)("end and lose nothing where they once did, seed %i", (seed) => {
    simulateMoves(seed);
  });
});
