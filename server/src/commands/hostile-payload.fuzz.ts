import { expect, test } from "vitest";
import { restoreHostilePayloads } from "../testing/hostile-payloads.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const ROUNDS = Math.min(50_000, Number(process.env.CALLS || 50_000));

test(`${ROUNDS} hostile payloads from seed ${SEED} are refused or make values that can be used and deleted`, async () => {
  expect(await restoreHostilePayloads(SEED, ROUNDS)).toBeLessThan(ROUNDS);
});
