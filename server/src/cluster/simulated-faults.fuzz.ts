import { expect, test } from "vitest";
import { simulateFaults } from "./simulated-faults.ts";

const SEEDS = Number(process.env.CALLS || 10_000);
const FIRST = Number(process.env.SEED || Date.now() % 1_000_000_000);

test(`${SEEDS} seeds of faults from ${FIRST} on leave one agreed cluster behind`, () => {
  const broken: string[] = [];
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    try {
      simulateFaults(seed);
    } catch (error) {
      broken.push(`seed ${seed}: ${(error as Error).message}`);
    }
  }
  process.stdout.write(`${SEEDS} seeds of faults, first seed ${FIRST}: ${broken.length} broken\n`);
  expect(broken).toEqual([]);
});
