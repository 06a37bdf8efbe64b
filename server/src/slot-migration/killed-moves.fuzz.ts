import { expect, test } from "vitest";
import { killMovers } from "./killed-moves.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const ROUNDS = Math.min(1000, Number(process.env.CALLS || 30));

test(`${ROUNDS} moves of slots whose source or target is killed, from seed ${SEED}, lose nothing`, async () => {
  const text = await killMovers({ seed: SEED, rounds: ROUNDS, nodeTimeoutMs: 2000, isTimed: false });
  process.stdout.write(`${text}\n`);
  expect(text).toContain("acknowledged");
});
