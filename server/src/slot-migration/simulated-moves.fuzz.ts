import { expect, test } from "vitest";
import { brokenSeeds, seedRange } from "../testing/seed-range.ts";
import { simulateMoves } from "./simulated-moves.ts";

const range = seedRange(10_000);

test(`${range.count} seeds of moves under faults from ${range.first} on end, and lose nothing`, () => {
  expect(brokenSeeds(range, "moves", (seed) => simulateMoves(seed))).toEqual([]);
});
