/** kv-check as its users start it: what it prints, and exit codes. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "./persistence/reference-redis.ts";
import { ChildServer } from "./testing/child-server.ts";
import { ReferenceClient } from "./testing/reference-server.ts";

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

test("of a server's directory snapshot and append-only file are checked, each file told of once", async () => {
  const directory = mkdtempSync(join(tmpdir(), "kv-check-"));
  const server = new ChildServer(directory, ["--appendonly", "yes"]);
  try {
    const client = await ReferenceClient.connect(await server.ready());
    await client.send([["SET", "a", "1"], ["BGREWRITEAOF"]]);
    await eventually("a base", () => server.log.includes("AOF rewrite finished"));
    await client.send([["SET", "b", "2"], ["SAVE"]]);
    client.close();
    await server.kill("SIGTERM");
    const { status, stdout } = spawnSync(PROGRAM, [directory], { encoding: "utf8" });
    const told = stdout.trimEnd().replaceAll(`${directory}/`, "").split("\n");
    expect(told).toEqual([
      expect.stringMatching(/^dump.rdb: snapshot of version 10, 2 keys \(string 2\).*: good$/),
      "appendonlydir/appendonly.aof.manifest: 2 files",
      expect.stringMatching(/^appendonlydir\/appendonly.aof.2.base.rdb: snapshot .* 1 keys .*: good$/),
      expect.stringMatching(/^appendonlydir\/appendonly.aof.2.incr.aof: append-only, 2 commands, .*: good$/),
    ]);
    expect(status).toBe(0);
    const empty = spawnSync(PROGRAM, [join(import.meta.dirname, "check")], { encoding: "utf8" });
    expect([empty.status, empty.stdout]).toEqual([
      1,
      expect.stringContaining("is a directory without snapshots and append-only files"),
    ]);
  } finally {
    await server.kill();
    rmSync(directory, { recursive: true, force: true });
  }
});
