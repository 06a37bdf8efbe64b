import { expect, test } from "vitest";
import { loadHostileAppendOnlyFiles } from "../../testing/hostile-append-only.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const ROUNDS = Math.min(1_000_000, Number(process.env.CALLS || 20_000));

test(`${ROUNDS} hostile append-only files from seed ${SEED} are run as far as they are sound`, async () => {
  const { whole, withData } = await loadHostileAppendOnlyFiles(SEED, ROUNDS);
  expect(withData).toBeGreaterThan(ROUNDS / 2);
  expect(whole).toBeLessThan(ROUNDS);
});
