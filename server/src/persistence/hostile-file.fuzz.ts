import { expect, test } from "vitest";
import { loadHostileFiles } from "./hostile-files.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const ROUNDS = Math.min(1_000_000, Number(process.env.CALLS || 100_000));

test(`${ROUNDS} hostile files from seed ${SEED} are refused for their checksum; with a right one they are refused, or give data that can be saved and deleted`, () => {
  expect(loadHostileFiles(SEED, ROUNDS)).toBeLessThan(ROUNDS);
});
