import { expect, test } from "vitest";
import { restoreHostilePayloads } from "../testing/hostile-payloads.ts";

const ROUNDS = 1000;

test("a hostile payload is refused or makes a value that can be used and deleted", async () => {
  const taken = await restoreHostilePayloads(71, ROUNDS);
  expect(taken).toBeGreaterThan(ROUNDS / 20);
  expect(taken).toBeLessThan(ROUNDS);
}, 60_000);
