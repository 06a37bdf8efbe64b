import { expect, test } from "vitest";
import { brokenSeeds, seedRange } from "../testing/seed-range.ts";
import { simulateFaults } from "./simulated-faults.ts";

const range = seedRange(10_000);

test(`${range.count} seeds of faults from ${range.first} on leave one agreed cluster behind`, () => {
  expect(brokenSeeds(range, "faults", simulateFaults)).toEqual([]);
});
