/** When a server rewrites its append-only file by itself: as it grows, and less often the more that failed. */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../platform/fake-clock.ts";
import { ChildServer } from "../../testing/child-server.ts";
import { startOwnServerWith } from "../../testing/own-server.ts";
import { ReferenceClient } from "../../testing/reference-server.ts";
import { eventually, ReferenceRedis, temporaryDirectory } from "../reference-redis.ts";

let directory: string;
const opened: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "kv-growth-"));
});

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  rmSync(directory, { recursive: true, force: true });
});

async function connect(port: number): Promise<ReferenceClient> {
  const client = await ReferenceClient.connect(port);
  opened.push(() => client.close());
  return client;
}

async function figures(client: ReferenceClient): Promise<ReadonlyMap<string, string>> {
  const [info] = await client.send([["INFO", "persistence"]]);
  return new Map(Array.from(String(info).matchAll(/^(\w+):(.*)\r$/gm), ([, name, value]) => [name ?? "", value ?? ""]));
}

/** A server whose time passes as the test says. */
async function startAtRest(...directives: string[]) {
  const clock = new FakeClock();
  const aof = ["--dir", directory, "--appendonly", "yes", "--auto-aof-rewrite-min-size", "64kb"];
  const server = await startOwnServerWith(clock, ...aof, ...directives);
  opened.push(() => server.stop());
  const client = await connect(server.port);
  let written = 0;
  const write = async (kilobytes: number): Promise<void> => {
    for (let k = 0; k < kilobytes; k++) await client.send([["SET", `key:${written++}`, "v".repeat(1000)]]);
    await eventually("it is written", async () => (await figures(client)).get("aof_buffer_length") === "0");
  };
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await eventually("no rewrite", async () => (await figures(client)).get("aof_rewrite_in_progress") === "0");
  };
  const rewrites = async (): Promise<number> => Number((await figures(client)).get("aof_rewrites"));
  return { client, write, pass, rewrites };
}

test("a rewrite begins above the least size, once there is as much more as the percentage says", async () => {
  const { client, write, pass, rewrites } = await startAtRest("--rdbcompression", "no");
  await write(50);
  await pass(1000);
  expect(await rewrites()).toBe(0);
  await write(20);
  await pass(100);
  expect(await rewrites()).toBe(1);
  const base = Number((await figures(client)).get("aof_base_size"));
  expect(base).toBeGreaterThan(70_000);
  await write(60);
  await pass(1000);
  expect(await rewrites()).toBe(1);
  await write(20);
  await pass(100);
  expect(await rewrites()).toBe(2);
  expect(Number((await figures(client)).get("aof_base_size"))).toBeGreaterThan(2 * base);
});

test("with a percentage of 0 no rewrite begins by itself, until one is set", async () => {
  const { client, write, pass, rewrites } = await startAtRest("--auto-aof-rewrite-percentage", "0");
  await write(100);
  await pass(1000);
  expect(await rewrites()).toBe(0);
  await client.send([["CONFIG", "SET", "auto-aof-rewrite-percentage", "50"]]);
  await pass(100);
  expect(await rewrites()).toBe(1);
});

test("after rewrites that failed the next ones come ever later, and after one that succeeds at once again", async () => {
  const { client, write, pass, rewrites } = await startAtRest();
  // Each rewrite has a file of the next number.
  const blocker = (number: number): string =>
    path.join(directory, "appendonlydir", `temp-rewriteaof-bg-${process.pid}-${number}.aof`);
  for (let number = 1; number <= 5; number++) mkdirSync(blocker(number));
  await write(100);
  const pausesMs = [0, 5000, 5000, 60_000, 120_000];
  for (const [failures, pauseMs] of pausesMs.entries()) {
    await pass(Math.max(0, pauseMs - 200));
    expect(await rewrites()).toBe(failures);
    await pass(400);
    expect(await rewrites()).toBe(failures + 1);
    const now = await figures(client);
    expect(now.get("aof_rewrites_consecutive_failures")).toBe(String(failures + 1));
    expect(now.get("aof_last_bgrewrite_status")).toBe("err");
    expect((await client.send([["SET", "k", "v"]]))[0]).toBe("OK");
  }
  await pass(239_000);
  expect(await rewrites()).toBe(5);
  await pass(2000);
  const after = await figures(client);
  expect([after.get("aof_rewrites"), after.get("aof_rewrites_consecutive_failures")]).toEqual(["6", "0"]);
  expect(after.get("aof_last_bgrewrite_status")).toBe("ok");
  await write(200);
  await pass(100);
  expect(await rewrites()).toBe(7);
});

test("after a start growth counts from the base, as with redis-server", async () => {
  const directives = ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"];
  const first = new ChildServer(directory, [...directives, "--save", ""]);
  opened.push(() => first.kill());
  const client = await connect(await first.ready());
  const set = async (from: number): Promise<void> => {
    for (let k = from; k < from + 50; k++) await client.send([["SET", `key:${k}`, "v".repeat(1000)]]);
  };
  await set(0);
  await client.send([["BGREWRITEAOF"]]);
  await first.said("rewrite finished successfully");
  await set(50);
  await first.kill("SIGTERM");

  const copy = temporaryDirectory();
  cpSync(directory, copy, { recursive: true });
  const reference = await ReferenceRedis.start(directives, copy);
  opened.push(() => reference.stop());
  const second = new ChildServer(directory, [...directives, "--save", ""]);
  opened.push(() => second.kill());
  const [ours, theirs] = [
    await figures(await connect(await second.ready())),
    await figures(await connect(reference.port)),
  ];
  for (const name of ["aof_base_size", "aof_current_size"]) expect(ours.get(name)).toBe(theirs.get(name));
  expect(Number(ours.get("aof_current_size"))).toBeGreaterThan(Number(ours.get("aof_base_size")) + 50_000);
  execFileSync("redis-check-aof", [path.join(directory, "appendonlydir", "appendonly.aof.manifest")]);
});
