import path from "node:path";
import { expect, test } from "vitest";
import { brokenSeeds, seedRange } from "../testing/seed-range.ts";

const SIMULATION = {
  module: path.join(import.meta.dirname, "simulated-faults.ts"),
  name: "simulateFaults",
  what: "faults",
};
const range = seedRange(10_000);

test(`${range.count} seeds of faults from ${range.first} on leave one agreed cluster behind`, async () => {
  expect(await brokenSeeds(range, SIMULATION)).toEqual([]);
});
