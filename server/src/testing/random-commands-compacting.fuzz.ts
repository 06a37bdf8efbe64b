import { expect, test } from "vitest";
import { runCompacting } from "./random-commands-compacting.ts";

const CALLS = Number(process.env.CALLS || 200_000);
const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);

test(`${CALLS} random calls from seed ${SEED} are answered as by redis-server while everything moves`, async () => {
  const result = await runCompacting({ seed: SEED, calls: CALLS });
  process.stdout.write(`${result.calls} calls, ${result.movedBlocks} blocks moved, first seed ${SEED}\n`);
  expect(result.failure, result.failure).toBeUndefined();
});
