/** Longer in killed-moves.fuzz.ts. */

import { expect, test } from "vitest";
import { killMovers } from "./killed-moves.ts";

test("moves of slots whose source or target is killed leave one owner, and lose nothing", {
  timeout: 120_000,
}, async () => {
  const seed = Date.now() % 1_000_000_000;
  const text = await killMovers({ seed, rounds: 3, nodeTimeoutMs: 1500, isTimed: false });
  process.stdout.write(`${text}\n`);
  expect(text).toContain("acknowledged");
});
