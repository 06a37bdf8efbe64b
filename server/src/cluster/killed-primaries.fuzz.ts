import { expect, test } from "vitest";
import { killPrimaries } from "./killed-primaries.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const ROUNDS = Math.min(1000, Number(process.env.CALLS || 50));

test(`${ROUNDS} killed primaries from seed ${SEED} are replaced in time and take nothing back`, async () => {
  const text = await killPrimaries({ seed: SEED, rounds: ROUNDS, nodeTimeoutMs: 5000, isTimed: true });
  process.stdout.write(`${text}\n`);
  expect(text).toContain("acknowledged");
});
