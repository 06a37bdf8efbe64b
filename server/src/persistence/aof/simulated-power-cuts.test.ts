import { expect, test } from "vitest";
import { seedOf } from "../../testing/differential.ts";
import { simulatePowerCuts } from "./simulated-power-cuts.ts";

/** simulated-power-cuts.fuzz.ts goes on with others. */
const SEEDS = 100;

test("no power cut takes back what was acknowledged, or leaves a file that cannot be loaded", async () => {
  const first = seedOf(1);
  const total = { writes: 0, cuts: 0, kills: 0, rewrites: 0, promised: 0, stoodStill: 0, filled: 0, torn: 0 };
  for (let seed = first; seed < first + SEEDS; seed++) {
    const report = await simulatePowerCuts(seed).catch((reason) => {
      throw new Error(`seed ${seed}: ${(reason as Error).message}`, { cause: reason });
    });
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += report[key];
  }
  expect(total.cuts).toBeGreaterThan(3 * SEEDS);
  expect(total.cuts + total.kills).toBe(4 * SEEDS);
  expect(total.kills).toBeGreaterThan(SEEDS / 2);
  expect(total.writes).toBeGreaterThan(SEEDS);
  expect(total.rewrites).toBeGreaterThan(SEEDS / 2);
  expect(total.promised).toBeGreaterThan(total.writes / 4);
  expect(total.stoodStill).toBeGreaterThan(SEEDS / 4);
  expect(total.filled).toBeGreaterThan(SEEDS / 10);
  expect(total.torn).toBeGreaterThan(0);
});
