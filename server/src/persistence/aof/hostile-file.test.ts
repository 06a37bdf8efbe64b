import { expect, test } from "vitest";
import { loadHostileAppendOnlyFiles } from "../../testing/hostile-append-only.ts";

const ROUNDS = 300;

test("a hostile append-only file is run as far as it is sound, and its data can be walked and deleted", async () => {
  const { whole, withData } = await loadHostileAppendOnlyFiles(73, ROUNDS);
  expect(withData).toBeGreaterThan(ROUNDS / 2);
  expect(whole).toBeGreaterThan(ROUNDS / 10);
  expect(whole).toBeLessThan(ROUNDS);
}, 60_000);
