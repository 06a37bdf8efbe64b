import path from "node:path";
import { expect, test } from "vitest";
import { brokenSeeds, seedRange } from "../testing/seed-range.ts";

const SIMULATION = {
  module: path.join(import.meta.dirname, "simulated-moves.ts"),
  name: "simulateMoves",
  what: "moves",
};
const range = seedRange(10_000);

test(`${range.count} seeds of moves under faults from ${range.first} on end, and lose nothing`, async () => {
  expect(await brokenSeeds(range, SIMULATION)).toEqual([]);
});
