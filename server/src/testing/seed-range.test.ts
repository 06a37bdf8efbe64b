import path from "node:path";
import { expect, test } from "vitest";
import { brokenSeeds } from "./seed-range.ts";

const module = path.join(import.meta.dirname, "seed-range.test-simulation.ts");

test("seeds that break are told, with what they broke", async () => {
  const simulation = { module, name: "breakOddSeeds", what: "numbers" };
  expect(await brokenSeeds({ first: 4, count: 3 }, simulation)).toEqual(["broken seed 5: 5 is odd"]);
});

test("a simulation that cannot run is no success", async () => {
  await expect(
    brokenSeeds({ first: 1, count: 1 }, { module: `${module}.gone`, name: "x", what: "nothing" }),
  ).rejects.toThrow("The process that ran nothing ended with 1");
  const unknown = brokenSeeds({ first: 1, count: 1 }, { module, name: "unknown", what: "nothing" });
  await expect(unknown).rejects.toThrow("The process that ran nothing ended with 1");
});
