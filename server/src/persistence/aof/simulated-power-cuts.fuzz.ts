import { expect, test } from "vitest";
import { simulatePowerCuts } from "./simulated-power-cuts.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const CUTS = Math.min(1_000_000, Number(process.env.CALLS || 20_000));

test(`${CUTS} power cuts from seed ${SEED} take nothing back that was promised`, async () => {
  const total = { writes: 0, cuts: 0, kills: 0, rewrites: 0, promised: 0, stoodStill: 0, filled: 0, torn: 0 };
  for (let seed = SEED; total.cuts < CUTS; seed++) {
    const report = await simulatePowerCuts(seed).catch((reason) => {
      throw new Error(`seed ${seed}: ${(reason as Error).message}`, { cause: reason });
    });
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += report[key];
  }
  process.stdout.write(
    `${total.cuts} power cuts, ${total.kills} kills, ${total.writes} writes, ${total.promised} of them durable, ${total.rewrites} rewrites, ${total.filled} prepared files, ${total.torn} torn ones, first seed ${SEED}\n`,
  );
  expect(total.writes).toBeGreaterThan(CUTS);
  expect(total.promised).toBeGreaterThan(total.writes / 4);
  expect(total.stoodStill).toBeGreaterThan(CUTS / 12);
  expect(total.filled).toBeGreaterThan(CUTS / 20);
});
