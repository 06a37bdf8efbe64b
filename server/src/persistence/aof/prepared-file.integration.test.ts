/** A directory whose last file ends in filler, as a killed server leaves it, between the real servers. */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemBackgroundDisk } from "../../platform/background-disk.ts";
import { ChildServer } from "../../testing/child-server.ts";
import { ReferenceClient } from "../../testing/reference-server.ts";
import { ReferenceRedis } from "../reference-redis.ts";
import { PreparedFile } from "./prepared-file.ts";

const COMMANDS = 3000;
/** Each ends at another place of its line of filler. */
const LENGTHS = [0, 1, 31, 255, 700];

let directory: string;
const opened: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "kv-prepared-"));
});

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  rmSync(directory, { recursive: true, force: true });
});

const inFolder = (name: string): string => path.join(directory, "appendonlydir", name);
const INCREMENT = "appendonly.aof.1.incr.aof";

/** Gives where the data ends. */
async function leaveBehind(lastLength: number): Promise<number> {
  mkdirSync(inFolder(""));
  writeFileSync(inFolder("appendonly.aof.manifest"), `file ${INCREMENT} seq 1 type i\n`);
  const file = new PreparedFile(await systemBackgroundDisk.create(inFolder(INCREMENT)), {
    key: "0123456789abcdef",
    stepBytes: 8192,
  });
  await file.append([encodeCommand(["SELECT", "0"])]);
  await file.prepare();
  for (let i = 0; i < COMMANDS; i++) await file.append([encodeCommand(["SET", `k${i}`, "v".repeat(i % 97)])]);
  await file.append([encodeCommand(["SET", "last", "v".repeat(lastLength)])]);
  await file.sync();
  return file.sizeBytes;
}

async function startOurs(): Promise<{ server: ChildServer; client: ReferenceClient }> {
  const server = new ChildServer(directory, ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
  opened.push(() => server.kill());
  const client = await ReferenceClient.connect(await server.ready());
  opened.push(() => client.close());
  return { server, client };
}

test("redis-check-aof accepts it, wherever the data ends", async () => {
  for (const length of LENGTHS) {
    const dataBytes = await leaveBehind(length);
    expect(statSync(inFolder(INCREMENT)).size).toBeGreaterThan(dataBytes);
    execFileSync("redis-check-aof", [inFolder("appendonly.aof.manifest")]);
    rmSync(inFolder(""), { recursive: true });
  }
});

test("we load it and cut it to its data", async () => {
  const dataBytes = await leaveBehind(10);
  const { client } = await startOurs();
  expect(await client.send([["DBSIZE"], ["STRLEN", "last"]])).toEqual([COMMANDS + 1, 10]);
  expect(statSync(inFolder(INCREMENT)).size).toBe(dataBytes);
});

test("redis-server loads it and appends to it, and then we do", async () => {
  await leaveBehind(10);
  const redis = await ReferenceRedis.start(["--appendonly", "yes", "--appendfsync", "always"], directory);
  expect(await redis.command("DBSIZE")).toBe(String(COMMANDS + 1));
  await redis.command("SET", "theirs", "x");
  await redis.kill();
  const { server, client } = await startOurs();
  expect(await client.send([["DBSIZE"], ["STRLEN", "theirs"]])).toEqual([COMMANDS + 2, 1]);
  await client.send([["SET", "ours", "y"]]);
  await server.kill();
  const again = await startOurs();
  expect(await again.client.send([["DBSIZE"], ["STRLEN", "ours"]])).toEqual([COMMANDS + 3, 1]);
  execFileSync("redis-check-aof", [inFolder("appendonly.aof.manifest")]);
});
