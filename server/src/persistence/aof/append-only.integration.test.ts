/** The append-only file of whole servers: what survives a kill, and what redis-server makes of our files and we of its. */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ChildServer } from "../../testing/child-server.ts";
import { seedOf } from "../../testing/differential.ts";
import { startOwnServer } from "../../testing/own-server.ts";
import { ReferenceClient } from "../../testing/reference-server.ts";
import { eventually, ReferenceRedis } from "../reference-redis.ts";
import { sampleCommands } from "../sample-data.ts";
import { canMount, fillDisk } from "./full-disk.ts";

let directory: string;
const opened: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "kv-aof-"));
});

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  rmSync(directory, { recursive: true, force: true });
});

const AOF = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
const manifest = (): string => readFileSync(inFolder("appendonly.aof.manifest"), "utf8");
const inFolder = (...names: string[]): string => path.join(directory, "appendonlydir", ...names);

async function start(...directives: string[]): Promise<{ server: ChildServer; client: ReferenceClient }> {
  const server = new ChildServer(directory, [...AOF, ...directives]);
  opened.push(() => server.kill());
  const client = await ReferenceClient.connect(await server.ready());
  opened.push(() => client.close());
  return { server, client };
}

const words = (lines: readonly string[]): string[][] => lines.map((line) => line.split(" "));

async function digest(client: ReferenceClient): Promise<string> {
  const [reply] = await client.send([["DEBUG", "DIGEST"]]);
  if (typeof reply !== "string") throw new Error(JSON.stringify(reply));
  return String(reply);
}

test("redis-server and ours load each other's directories, with equal content, rewritten or not", async () => {
  const debug = ["--enable-debug-command", "yes"];
  const ours = await start(...debug);
  const commands = words(sampleCommands(400, seedOf(5)));
  await ours.client.send(commands);
  await ours.client.send([["BGREWRITEAOF"]]);
  await eventually("a new base", () => manifest().includes("2.base.rdb"));
  await ours.client.send(words(sampleCommands(200, seedOf(6))));
  const content = await digest(ours.client);
  await ours.server.kill("SIGTERM");
  execFileSync("redis-check-aof", [inFolder("appendonly.aof.manifest")]);

  const theirs = await ReferenceRedis.start(["--dir", directory, "--appendonly", "yes", ...debug]);
  const reference = await ReferenceClient.connect(theirs.port);
  const loaded = await digest(reference);
  await reference.send(words(sampleCommands(200, seedOf(7))));
  const after = await digest(reference);
  reference.close();
  await theirs.stop();
  expect(loaded).toBe(content);

  const again = await start(...debug);
  expect(await digest(again.client)).toBe(after);
});

test("without an RDB preamble the base is commands, which both load, of all types and sizes", async () => {
  const plain = ["--aof-use-rdb-preamble", "no", "--enable-debug-command", "yes"];
  const { server, client } = await start(...plain);
  expect(manifest()).toContain("1.base.aof");
  await client.send([["FUNCTION", "LOAD", "#!lua name=f\nredis.register_function('f', function() return 5 end)"]]);
  await client.send(words(sampleCommands(400, seedOf(8))));
  // Large enough to be written in pieces.
  for (let k = 0; k < 21_000; k += 100) {
    const some = Array.from({ length: 100 }, (_, index) => `e${k + index}`);
    await client.send([
      ["SADD", "large:set", ...some],
      ["RPUSH", "large:list", ...some],
      ["HSET", "large:hash", ...some],
      ["ZADD", "large:zset", ...some.flatMap((name, index) => [String((k + index) / 7), name])],
    ]);
  }
  await client.send([["SET", "large:string", "x".repeat(3 << 20)]]);
  const content = await digest(client);
  await client.send([["BGREWRITEAOF"]]);
  await eventually("a new base", () => manifest().includes("2.base.aof"));
  await server.kill();
  execFileSync("redis-check-aof", [inFolder("appendonly.aof.manifest")]);

  const again = await start(...plain);
  expect(await digest(again.client)).toBe(content);
  expect(await again.client.send([["FCALL", "f", "0"]])).toEqual([5]);
  await again.server.kill();
  const theirs = await ReferenceRedis.start(["--dir", directory, "--appendonly", "yes"]);
  const reference = await ReferenceClient.connect(theirs.port);
  expect(await digest(reference)).toBe(content);
  expect(await reference.send([["FCALL", "f", "0"]])).toEqual([5]);
  reference.close();
  await theirs.stop();
});

test("fields that expire outlive a base of commands", async () => {
  const { server, client } = await start("--aof-use-rdb-preamble", "no");
  const future = String(Date.now() + 3_600_000);
  const fields = Array.from({ length: 300 }, (_, k) => `f${k}`);
  await client.send([
    ["HSET", "small", "a", "1", "b", "2"],
    ["HPEXPIREAT", "small", future, "FIELDS", "1", "a"],
    ["HSET", "table", ...fields.flatMap((field) => [field, "v"])],
    ["HPEXPIREAT", "table", future, "FIELDS", "2", "f1", "f2"],
    ["BGREWRITEAOF"],
  ]);
  await eventually("a new base", () => manifest().includes("2.base.aof"));
  await server.kill();
  const again = await start();
  const times = await again.client.send([
    ["HPEXPIRETIME", "small", "FIELDS", "2", "a", "b"],
    ["HPEXPIRETIME", "table", "FIELDS", "3", "f1", "f2", "f3"],
    ["HLEN", "table"],
  ]);
  expect(times).toEqual([[Number(future), -1], [Number(future), Number(future), -1], 300]);
});

test("appendonly is turned on once all data is loaded, and not before", async () => {
  const plain = ["--appendonly", "no", "--enable-debug-command", "yes"];
  const first = await start(...plain);
  await first.client.send([["CONFIG", "SET", "busy-reply-threshold", "0"], ["DEBUG", "POPULATE", "400000"], ["SAVE"]]);
  await first.server.kill();
  const server = new ChildServer(directory, [...AOF, ...plain]);
  opened.push(() => server.kill());
  await server.said("Running mode=standalone");
  const client = await ReferenceClient.connect(Number(/port=(\d+)\./.exec(server.log)?.[1]));
  opened.push(() => client.close());
  const replies = await client.send([
    ["GET", "key:1"],
    ["CONFIG", "SET", "appendonly", "yes"],
  ]);
  for (const reply of replies) expect(JSON.stringify(reply)).toContain("LOADING");
  await server.ready();
  expect(await client.send([["CONFIG", "SET", "appendonly", "yes"]])).toEqual(["OK"]);
  await eventually("the base", () => server.log.includes("Background AOF rewrite finished successfully"));
  await server.kill();
  const again = await start();
  expect(await again.client.send([["DBSIZE"]])).toEqual([400_000]);
});

test("DEBUG LOADAOF in the middle of a rewrite keeps the data and the files", async () => {
  const { server, client } = await start("--enable-debug-command", "yes");
  await client.send([["DEBUG", "POPULATE", "100000", "key", "50"], ["BGREWRITEAOF"]]);
  await eventually("a base", () => server.log.includes("Background AOF rewrite finished successfully"));
  expect(await client.send([["BGREWRITEAOF"], ["DEBUG", "LOADAOF"], ["DBSIZE"]])).toEqual([
    "Background append only file rewriting started",
    "OK",
    100_000,
  ]);
  await client.send([["SET", "after", "1"]]);
  await server.kill();
  const again = await start();
  expect(await again.client.send([["DBSIZE"]])).toEqual([100_001]);
});

test("DEBUG LOADAOF without a file keeps the data", async () => {
  const { client } = await start("--appendonly", "no", "--enable-debug-command", "yes");
  const [, refusal, kept] = await client.send([
    ["SET", "k", "v"],
    ["DEBUG", "LOADAOF"],
    ["GET", "k"],
  ]);
  expect(String((refusal as Error).message)).toContain("ERR Error trying to load the AOF files");
  expect(String(kept)).toBe("v");
});

test("appendonly cannot be turned on where its directory cannot be made, in redis-server's words", async () => {
  writeFileSync(path.join(directory, "appendonlydir"), "a file");
  const commands = [
    ["CONFIG", "SET", "appendonly", "yes"],
    ["CONFIG", "GET", "appendonly"],
    ["SET", "k", "v"],
  ];
  const replies: unknown[] = [];
  const redis = await ReferenceRedis.start([], directory);
  opened.push(() => redis.stop());
  const { client } = await start("--appendonly", "no");
  for (const one of [await ReferenceClient.connect(redis.port), client]) replies.push(await one.send(commands));
  expect(replies[1]).toEqual(replies[0]);
});

test("appendonly off and on inside a transaction leaves files that redis-check-aof accepts", async () => {
  const { server, client } = await start("--enable-debug-command", "yes");
  const off = ["CONFIG", "SET", "appendonly", "no"];
  const on = ["CONFIG", "SET", "appendonly", "yes"];
  await client.send([["MULTI"], ["SET", "a", "1"], off, on, ["SET", "b", "2"], ["EXEC"]]);
  // A moment after the manifest: until then the file is still off, and no reply promises anything.
  await eventually("a base", () => server.log.includes("Background AOF rewrite finished successfully"));
  await client.send([["SET", "c", "3"]]);
  const content = await digest(client);
  await server.kill();
  execFileSync("redis-check-aof", [inFolder("appendonly.aof.manifest")]);
  const again = await start("--enable-debug-command", "yes");
  expect(await digest(again.client)).toBe(content);
});

test("functions survive a rewrite and a kill, and redis-server finds them too", async () => {
  const source = (name: string): string =>
    `#!lua name=${name}\nredis.register_function('${name}', function() return 5 end)`;
  const calls = [
    ["FCALL", "base", "0"],
    ["FCALL", "increment", "0"],
  ];
  const { server, client } = await start("--enable-debug-command", "yes");
  await client.send([["FUNCTION", "LOAD", source("base")], ["BGREWRITEAOF"]]);
  await eventually("a new base", () => manifest().includes("2.base.rdb"));
  await client.send([["FUNCTION", "LOAD", source("increment")]]);
  expect(await client.send([["DEBUG", "RELOAD"], ...calls])).toEqual(["OK", 5, 5]);
  await server.kill();
  execFileSync("redis-check-aof", [inFolder("appendonly.aof.manifest")]);

  const again = await start();
  expect(await again.client.send(calls)).toEqual([5, 5]);
  await again.server.kill();

  const theirs = await ReferenceRedis.start(["--dir", directory, "--appendonly", "yes"]);
  const reference = await ReferenceClient.connect(theirs.port);
  expect(await reference.send(calls)).toEqual([5, 5]);
  reference.close();
  await theirs.stop();
});

test("the single file of older versions is taken over, with a snapshot at its head or not", async () => {
  const commands = [encodeCommand(["SELECT", "2"]), encodeCommand(["SET", "k", "v"])];
  writeFileSync(path.join(directory, "appendonly.aof"), Buffer.concat(commands));
  const { server, client } = await start();
  await client.send([
    ["SELECT", "2"],
    ["APPEND", "k", "w"],
  ]);
  await server.kill();
  expect(readFileSync(inFolder("appendonly.aof.manifest"), "utf8")).toBe(
    "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n",
  );
  const again = await start();
  const replies = await again.client.send([
    ["SELECT", "2"],
    ["GET", "k"],
  ]);
  expect(String(replies[1])).toBe("vw");
});

test("a directory with the name of the single file is none", async () => {
  mkdirSync(path.join(directory, "appendonly.aof"));
  const { client } = await start();
  await client.send([["SET", "k", "v"]]);
  expect(manifest()).toContain("1.base.rdb");
  expect(readdirSync(directory)).toContain("appendonly.aof");
});

test("turned on over a snapshot that is there, nothing of it is lost", async () => {
  const before = await startOwnServer("--dir", directory);
  const client = await ReferenceClient.connect(before.port);
  await client.send([["SET", "old", "1"], ["SAVE"]]);
  client.close();
  await before.stop();
  const first = await start();
  await first.client.send([["SET", "new", "2"]]);
  await first.server.kill();
  const again = await start();
  const replies = await again.client.send([["MGET", "old", "new"]]);
  expect(replies[0]).toEqual([Buffer.from("1"), Buffer.from("2")]);
});

test("files whose manifest is lost are told of and stay as they are, whatever is written next", async () => {
  const first = await start();
  await first.client.send([["SET", "only", "here"]]);
  await first.server.kill();
  rmSync(inFolder("appendonly.aof.manifest"));
  const [base, increment] = ["1.base.rdb", "1.incr.aof"].map((name) => inFolder(`appendonly.aof.${name}`)) as [
    string,
    string,
  ];
  const before = [readFileSync(base), readFileSync(increment)];

  const second = await start();
  await second.client.send([["SET", "new", "1"]]);
  expect(second.server.log).toContain("AOF files but no manifest");
  expect([readFileSync(base), readFileSync(increment)]).toEqual(before);
  expect(manifest()).toBe("file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n");
});

test("appendonly turned on over files of an earlier time touches none of them until it has its own, then they go", async () => {
  const first = await start();
  await first.client.send([["SET", "earlier", "1"]]);
  await first.server.kill();
  const second = await start("--appendonly", "no");
  await second.client.send([["SET", "later", "2"]]);
  await second.client.send([["CONFIG", "SET", "appendonly", "yes"]]);
  await eventually("a base of its own", () => manifest().includes("2.base.rdb") && !manifest().includes("1.base.rdb"));
  await second.client.send([["SET", "last", "3"]]);
  await second.server.kill();
  expect(readdirSync(inFolder()).sort()).toEqual(
    ["2.base.rdb", "2.incr.aof", "manifest"].map((name) => `appendonly.aof.${name}`),
  );
  const third = await start();
  expect(await third.client.send([["MGET", "earlier", "later", "last"]])).toEqual([
    [null, Buffer.from("2"), Buffer.from("3")],
  ]);
});

test("a tail that was cut off goes where that is allowed; else, and for damage, the start says the offset and changes nothing", async () => {
  const whole = Buffer.concat([encodeCommand(["SELECT", "0"]), encodeCommand(["SET", "a", "1"])]);
  const half = encodeCommand(["SET", "b", "2"]).subarray(0, 12);
  mkdirSync(inFolder());
  writeFileSync(inFolder("appendonly.aof.manifest"), "file appendonly.aof.1.incr.aof seq 1 type i\n");
  const file = inFolder("appendonly.aof.1.incr.aof");
  writeFileSync(file, Buffer.concat([whole, half]));
  const refused = new ChildServer(directory, [...AOF, "--aof-load-truncated", "no"]);
  expect(await refused.ended).toBe(1);
  expect(refused.log).toContain(`the last whole command ends at offset ${whole.length}`);
  expect(readFileSync(file).length).toBe(whole.length + half.length);

  const { server, client } = await start();
  expect((await client.send([["DBSIZE"]]))[0]).toBe(1);
  await server.kill();
  expect(readFileSync(file)).toEqual(whole);

  writeFileSync(file, Buffer.concat([whole, Buffer.from("rubbish\r\n"), whole]));
  const damaged = new ChildServer(directory, AOF);
  expect(await damaged.ended).toBe(1);
  expect(damaged.log).toMatch(
    new RegExp(`Bad file format reading the append only file [\\w.]+, at offset ${whole.length}\\.`),
  );
  expect(readFileSync(file).length).toBe(whole.length * 2 + 9);
});

/** The file is what somebody else has written. */
function writeFile(...lines: readonly string[]): void {
  mkdirSync(inFolder(), { recursive: true });
  writeFileSync(inFolder("appendonly.aof.manifest"), "file appendonly.aof.1.incr.aof seq 1 type i\n");
  writeFileSync(inFolder("appendonly.aof.1.incr.aof"), Buffer.concat(words(lines).map(encodeCommand)));
}

test("a key whose time was over when it was written on stays one key until all is loaded", async () => {
  writeFile("RPUSH list old", "EXPIREAT list 1000", "RPUSH list new", "SET string v EXAT 1000", "APPEND string w");
  const { client } = await start();
  expect(await client.send([["EXISTS", "list", "string"], ["DBSIZE"]])).toEqual([0, 0]);
});

test("scripts in a file run on a replica that clients cannot write to", async () => {
  writeFile("EVAL redis.call('SET',KEYS[1],100) 1 n", "EVAL redis.call('INCR',KEYS[1]) 1 n");
  const { client } = await start("--replicaof", "127.0.0.1", "1");
  expect(String((await client.send([["GET", "n"]]))[0])).toBe("101");
});

test("what would wait, subscribe or end the server is refused in a file, and nothing else of it is lost", async () => {
  const lines = [
    "SET a 1",
    "SUBSCRIBE x",
    "PSUBSCRIBE x",
    "SSUBSCRIBE x",
    "MONITOR",
    "WAIT 1 0",
    "BLPOP none 0",
    "SET b 2",
  ];
  const transaction = ["MULTI", "SET c 3", "SUBSCRIBE x", "MONITOR", "SHUTDOWN", "SET d 4", "EXEC"];
  const commands = [...lines, ...transaction, "SHUTDOWN", "SHUTDOWN NOSAVE", "SET e 5"];
  mkdirSync(inFolder());
  writeFileSync(inFolder("appendonly.aof.manifest"), "file appendonly.aof.1.incr.aof seq 1 type i\n");
  writeFileSync(inFolder("appendonly.aof.1.incr.aof"), Buffer.concat(words(commands).map(encodeCommand)));
  const { server, client } = await start();
  const [values, channels] = await client.send(words(["MGET a b c d e", "PUBSUB NUMSUB x"]));
  expect(values).toEqual(["1", "2", "3", "4", "5"].map((value) => Buffer.from(value)));
  expect(channels).toEqual([Buffer.from("x"), 0]);
  expect(server.log).toContain("SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client");
});

test("an unfinished transaction at the end did not happen", async () => {
  const { server, client } = await start();
  await client.send([["SET", "a", "1"]]);
  await server.kill();
  const file = inFolder("appendonly.aof.1.incr.aof");
  const whole = readFileSync(file);
  writeFileSync(file, Buffer.concat([whole, encodeCommand(["MULTI"]), encodeCommand(["SET", "a", "2"])]));
  const again = await start();
  expect(String((await again.client.send([["GET", "a"]]))[0])).toBe("1");
  await again.client.send([["SET", "b", "2"]]);
  await again.server.kill();
  const last = await start();
  expect((await last.client.send([["MGET", "a", "b"]]))[0]).toEqual([Buffer.from("1"), Buffer.from("2")]);
});

test("appendonly is switched off and on at run time, and a rewrite keeps the directory short", async () => {
  const { server, client } = await start("--aof-timestamp-enabled", "yes");
  const set = async (key: string): Promise<void> => void (await client.send([["SET", key, key]]));
  await set("one");
  await client.send([["CONFIG", "SET", "appendonly", "no"]]);
  await set("two");
  await client.send([["CONFIG", "SET", "appendonly", "yes"]]);
  await eventually("a new base", () => manifest().includes("2.base.rdb"));
  await set("three");
  await server.kill("SIGTERM");
  const again = await start();
  expect((await again.client.send([["MGET", "one", "two", "three"]]))[0]).toEqual(
    ["one", "two", "three"].map((name) => Buffer.from(name)),
  );
  expect(readFileSync(inFolder("appendonly.aof.2.incr.aof"), "latin1")).toMatch(/^#TS:\d+\r\n/);
});

// A small file system is mounted for it, which containers may not be allowed.
test.skipIf(!canMount())(
  "a full disk refuses writes and nothing else, and goes on by itself with nothing lost",
  async () => {
    const report = await fillDisk(1000, "always");
    expect(report.acknowledged).toBeGreaterThan(1000);
    expect(report.refused).toBeGreaterThan(10);
    expect(report.readsWhileFull).toBeGreaterThan(100);
    expect(report.recoveryMs).toBeLessThan(5000);
  },
);

test("WAITAOF waits for the disk here and on replicas, and says what there is when its time is over", async () => {
  const { server, client } = await start("--appendfsync", "everysec", "--repl-diskless-sync-delay", "0");
  const port = await server.ready();
  const [local] = await client.send([["WAITAOF", "1", "0", "0"]]);
  expect(local).toEqual([1, 0]);
  expect(
    (
      await client.send([
        ["SET", "a", "1"],
        ["WAITAOF", "1", "0", "0"],
      ])
    )[1],
  ).toEqual([1, 0]);
  expect(
    (
      await client.send([
        ["SET", "a", "2"],
        ["WAITAOF", "1", "1", "50"],
      ])
    )[1],
  ).toEqual([expect.any(Number), 0]);
  const follower = await startOwnServer(...["--appendonly", "yes", "--replicaof", "127.0.0.1", String(port)]);
  opened.push(() => follower.stop());
  await eventually("a replica", async () => String((await client.send([["WAIT", "1", "100"]]))[0]) === "1");
  expect(
    (
      await client.send([
        ["SET", "a", "3"],
        ["WAITAOF", "1", "1", "0"],
      ])
    )[1],
  ).toEqual([1, 1]);
  const replies = await client.send([
    ["WAITAOF", "2", "0", "0"],
    ["WAITAOF", "0", "-1", "0"],
    ["WAITAOF", "0", "0", "-1"],
    ["CONFIG", "SET", "appendonly", "no"],
    ["WAITAOF", "1", "0", "0"],
  ]);
  expect(replies.map((reply) => (reply as { message?: string }).message ?? reply)).toEqual([
    "ERR value is out of range, value must between 0 and 1",
    "ERR value is out of range, must be positive",
    "ERR timeout is negative",
    "OK",
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
  ]);
});
