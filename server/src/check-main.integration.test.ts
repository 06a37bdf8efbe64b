/** kv-check as its users start it: what it prints, and exit codes. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const PROGRAM = join(import.meta.dirname, "../bin/kv-check");

test.each([
  ["-h", 0, "stdout"],
  ["--help", 0, "stdout"],
  ["-x", 2, "stderr"],
] as const)("%s ends with %i and the usage on %s", (option, code, stream) => {
  const ended = spawnSync(PROGRAM, [option], { encoding: "utf8" });
  expect(ended.status).toBe(code);
  expect(ended[stream]).toContain("Usage: kv-check [--fix] PATH...");
});
