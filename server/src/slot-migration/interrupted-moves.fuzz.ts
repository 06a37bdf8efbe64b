import { expect, test } from "vitest";
import { interruptMoves } from "./interrupted-moves.ts";

const ROUNDS = Number(process.env.CALLS ?? 200);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

test(`${ROUNDS} moves of slots, many cut off, from seed ${SEED}`, async () => {
  const finished = await interruptMoves(ROUNDS, SEED);
  process.stdout.write(`${finished} of ${ROUNDS} moves came to their end\n`);
  expect(finished).toBeGreaterThan(0);
});
