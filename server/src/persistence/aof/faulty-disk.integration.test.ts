/** Whole servers on a disk that fails or is slow: what clients hear, and what is there after a kill. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { ChildServer } from "../../testing/child-server.ts";
import { FaultyDiskScene } from "../../testing/faulty-disk-scene.ts";
import type { ReferenceClient } from "../../testing/reference-server.ts";
import { eventually } from "../reference-redis.ts";

const SLOW_SYNC_MS = 300;
/** So that the next writes are left to another thread for some seconds. */
const HANGING_MS = 250;

const scene = FaultyDiskScene.create();
const connect = (port: number): Promise<ReferenceClient> => scene.connect(port);

async function start(
  policy: string,
  ...more: readonly string[]
): Promise<{ server: ChildServer; port: number; client: ReferenceClient }> {
  const saving = more.includes("--save") ? [] : ["--save", ""];
  const appending = more.includes("--appendonly") ? [] : ["--appendonly", "yes", "--appendfsync", policy];
  const { server, port } = await scene.start(...appending, ...saving, ...more);
  return { server, port, client: await connect(port) };
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await action();
  return performance.now() - startMs;
}

test("with everysec a slow sync keeps nobody waiting", async () => {
  const { client } = await start("everysec");
  scene.disk.setFault("sync slow");
  const endMs = Date.now() + 2500;
  const waits: number[] = [];
  while (Date.now() < endMs) waits.push(await timed(() => client.send([["INCR", "counter"]])));
  expect(Math.max(...waits)).toBeLessThan(SLOW_SYNC_MS * 0.7);
  const [info] = await client.send([["INFO", "persistence"]]);
  expect(String(info)).toContain("aof_last_write_status:ok");
});

test.each(["everysec", "no"])(
  "with %s nothing is acknowledged that a write which hangs has not brought",
  async (policy) => {
    const { server, port, client } = await start(policy);
    const reader = await connect(port);
    await client.send([["SET", "k", "before"]]);
    // The first one that takes long holds everybody, as in redis-server; the next ones only those who write.
    scene.disk.setFault("write hangs");
    const first = client.send([["SET", "k", "first"]]);
    await new Promise((resolve) => setTimeout(resolve, HANGING_MS));
    scene.disk.setFault("");
    expect(await first).toEqual(["OK"]);
    scene.disk.setFault("write hangs");
    let isAcknowledged = false;
    const second = client.send([["SET", "k", "second"]]).then(() => {
      isAcknowledged = true;
    });
    void second.catch(() => undefined);
    const waits: number[] = [];
    for (let k = 0; k < 20; k++) waits.push(await timed(() => reader.send([["GET", "k"]])));
    expect(Math.max(...waits)).toBeLessThan(HANGING_MS);
    expect(isAcknowledged).toBe(false);
    await server.kill();
    const again = await start(policy);
    expect(String((await again.client.send([["GET", "k"]]))[0])).toBe("first");
  },
);

test("with always who writes waits for a slow sync, and who reads does not", async () => {
  const { port, client } = await start("always");
  const reader = await connect(port);
  scene.disk.setFault("sync slow");
  // As long as syncs were quick the serving thread makes them itself; the first slow one ends that.
  await client.send([["SET", "k", "0"]]);
  const write = timed(() => client.send([["SET", "k", "1"]]));
  const reads: number[] = [];
  for (let k = 0; k < 20; k++) reads.push(await timed(() => reader.send([["GET", "other"]])));
  expect(await write).toBeGreaterThanOrEqual(SLOW_SYNC_MS - 1);
  expect(Math.max(...reads)).toBeLessThan(SLOW_SYNC_MS * 0.7);
});

test("with no-appendfsync-on-rewrite nobody waits for a sync while a snapshot is written, and again after it", async () => {
  const { server, client } = await start("always", "--no-appendfsync-on-rewrite", "yes");
  scene.disk.setFault("sync slow, snapshot hangs");
  await client.send([["SET", "k", "0"], ["BGSAVE"]]);
  const meanwhile: number[] = [];
  for (let k = 0; k < 5; k++) meanwhile.push(await timed(() => client.send([["SET", "k", String(k)]])));
  expect(Math.max(...meanwhile)).toBeLessThan(SLOW_SYNC_MS * 0.7);
  scene.disk.setFault("sync slow");
  await server.said("Background saving terminated with success");
  expect(await timed(() => client.send([["SET", "k", "after"]]))).toBeGreaterThanOrEqual(SLOW_SYNC_MS - 1);
  await server.kill();
  const again = await start("always");
  expect(String((await again.client.send([["GET", "k"]]))[0])).toBe("after");
});

test("without it writers wait for syncs as ever while a snapshot is written", async () => {
  const { server, client } = await start("always");
  scene.disk.setFault("sync slow, snapshot hangs");
  await client.send([["SET", "k", "0"], ["BGSAVE"]]);
  expect(await timed(() => client.send([["SET", "k", "1"]]))).toBeGreaterThanOrEqual(SLOW_SYNC_MS - 1);
  scene.disk.setFault("");
  await server.said("Background saving terminated with success");
});

test.each(["snapshot write fails", "snapshot sync fails", "snapshot rename fails"])(
  "a %s: the old file stays, nothing is left over, everything goes on, and the next BGSAVE succeeds",
  async (fault) => {
    const { server, client } = await start("everysec", "--appendonly", "no", "--save", "3600 100000");
    await client.send([["SET", "k", "old"], ["SAVE"]]);
    const file = path.join(scene.directory, "dump.rdb");
    const before = readFileSync(file);
    scene.disk.setFault(fault);
    await client.send([["SET", "k", "new"], ["BGSAVE"]]);
    await server.said("Background saving error: EIO: i/o error");
    const [status, refused, read] = await client.send([
      ["INFO", "persistence"],
      ["SET", "k", "newer"],
      ["GET", "k"],
    ]);
    expect(String(status)).toContain("rdb_last_bgsave_status:err");
    expect(JSON.stringify(refused)).toContain("MISCONF");
    expect(String(read)).toBe("new");
    expect(readFileSync(file)).toEqual(before);
    expect(readdirSync(scene.directory).filter((name) => name.startsWith("temp"))).toEqual([]);
    scene.disk.setFault("");
    await client.send([["BGSAVE"]]);
    await server.said("Background saving terminated with success");
    const [after, taken] = await client.send([
      ["INFO", "persistence"],
      ["SET", "k", "newest"],
    ]);
    expect(String(after)).toContain("rdb_last_bgsave_status:ok");
    expect(taken).toBe("OK");
    await server.kill();
    const again = await start("everysec", "--appendonly", "no");
    expect(String((await again.client.send([["GET", "k"]]))[0])).toBe("new");
  },
);

test.each([
  ["write fails", "always", "Input/output error"],
  ["read only", "always", "Read-only file system"],
  ["sync fails", "always", "Input/output error"],
  ["write fails", "everysec", "Input/output error"],
  ["sync fails", "everysec", "Input/output error"],
])(
  "a disk whose %s, under %s: writes are refused with the reason, and taken again when it is sound",
  async (fault, policy, reason) => {
    const { server, port, client } = await start(policy);
    const acknowledged = await client.send([
      ["SET", "before", "1"],
      ["WAITAOF", "1", "0", "0"],
    ]);
    expect(acknowledged).toEqual(["OK", [1, 0]]);
    scene.disk.setFault(fault);
    void client.send([["SET", "meanwhile", "1"]]).catch(() => undefined);
    const other = await connect(port);
    const refused = new RegExp(`MISCONF Errors writing to the AOF file: ${reason}`);
    const isRefused = async (): Promise<boolean> => {
      // Under `always` a write that came before the fault was known waits for the disk.
      const [reply] = await Promise.race([
        (await connect(port)).send([["SET", "late", "1"]]).catch(() => [""]),
        new Promise<string[]>((resolve) => setTimeout(() => resolve([""]), 100)),
      ]);
      return refused.test(JSON.stringify(reply));
    };
    await eventually("a refusal", isRefused);
    expect(String((await other.send([["GET", "before"]]))[0])).toBe("1");
    scene.disk.setFault("");
    await eventually("a write", async () => (await (await connect(port)).send([["SET", "after", "1"]]))[0] === "OK");
    const taken = await other.send([
      ["SET", "after", "2"],
      ["WAITAOF", "1", "0", "5000"],
    ]);
    expect(taken).toEqual(["OK", [1, 0]]);
    await server.kill();
    const again = await start(policy);
    const values = await again.client.send([
      ["GET", "before"],
      ["GET", "meanwhile"],
      ["GET", "after"],
    ]);
    expect(values.map(String)).toEqual(["1", "1", "2"]);
  },
);
