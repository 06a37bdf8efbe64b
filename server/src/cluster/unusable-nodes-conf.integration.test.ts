/** A nodes.conf that cannot be used ends the start with 1 and the reason, in redis-server's words. */

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePort } from "../persistence/reference-redis.ts";
import { ChildServer } from "../testing/child-server.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "kv-nodes-conf-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function referenceEnd(...directives: readonly string[]): Promise<{ code: number | null; log: string }> {
  const child = spawn("redis-server", ["--port", String(await freePort()), "--dir", directory, ...directives]);
  let log = "";
  child.stdout.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, log };
}

test.each([
  ["a directory", (file: string) => mkdirSync(file), "nodes.conf", "Is a directory"],
  ["in a directory that is not there", () => undefined, "missing/nodes.conf", "No such file or directory"],
  ["in a file system that takes none", () => undefined, "/proc/nodes.conf", "No such file or directory"],
])("nodes.conf that is %s", async (_what, prepare, name, reason) => {
  const file = path.resolve(directory, name);
  prepare(file);
  const before = readdirSync(directory);
  const directives = ["--cluster-enabled", "yes", "--cluster-config-file", file];
  const words = `Can't open ${file} in order to acquire a lock: ${reason}`;
  const server = new ChildServer(directory, directives);
  expect(await server.ended).toBe(1);
  expect(server.log).toContain(words);
  expect(server.log).not.toContain("loading the DB");
  expect(readdirSync(directory)).toEqual(before);
  const reference = await referenceEnd(...directives);
  expect([reference.code, reference.log.includes(words)]).toEqual([1, true]);
});
