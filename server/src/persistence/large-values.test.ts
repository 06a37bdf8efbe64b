import { copyFileSync } from "node:fs";
import path from "node:path";
import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { agreeInAll } from "../testing/agree.ts";
import { seedOf } from "../testing/differential.ts";
import { startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { ValueType } from "../values/value-type.ts";
import { LiveKeyspace, MemoryTarget, readFile } from "./live-keyspace.ts";
import { eventually, ReferenceRedis, temporaryDirectory } from "./reference-redis.ts";

const ELEMENTS = 21_000;
const STRING_BYTES = 3 << 20;

const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

function put(live: LiveKeyspace, key: string, value: Buffer): void {
  const name = Buffer.from(key);
  live.keyspace.database(0).setString(name, 0, name.length, value, 0, value.length, 0);
}

function addSet(live: LiveKeyspace, key: string, count: number): void {
  const name = Buffer.from(key);
  const { set } = live.collections;
  set.createTable(count);
  for (let k = 0; k < count; k++) set.add(Buffer.from(`m${k}`), 0, `m${k}`.length);
  live.keyspace.database(0).addCollection(name, 0, name.length, ValueType.set, set.encoding, set.root);
}

function recordOf(live: LiveKeyspace, key: string): number {
  return live.keyspace.database(0).peek(Buffer.from(key), 0, key.length);
}

/** Small keys round about large ones, in the same blocks as far as that goes. */
function mixed(): LiveKeyspace {
  const live = new LiveKeyspace();
  for (let k = 0; k < 400; k++) {
    put(live, `small:${k}`, Buffer.from("before"));
    if (k % 100 === 50) addSet(live, `set:${k}`, ELEMENTS);
    if (k % 200 === 10) put(live, `string:${k}`, Buffer.alloc(STRING_BYTES, k));
  }
  return live;
}

test("large values are written in pieces, as they were at the cut, whatever happens to their neighbours", () => {
  const live = mixed();
  const expected = readFile(live.save()).keys;
  const target = new MemoryTarget();
  const snapshot = live.cut(target);
  let pieces = 0;
  // One piece at a time, and in between something small changes: in the block of a large value, or in one not reached yet.
  while (!snapshot.walk(() => true)) {
    put(live, `small:${pieces++ % 400}`, Buffer.from("after"));
    put(live, `new:${pieces}`, Buffer.from("after"));
  }
  const { keys, order } = readFile(target.file);
  expect(pieces).toBeGreaterThan(1000);
  expect([snapshot.keysWritten, order.length]).toEqual([snapshot.keysAtCut, snapshot.keysAtCut]);
  agreeInAll(keys, expected);
});

test("who would change a large value is told to wait until it is written, which comes next", () => {
  const live = mixed();
  const target = new MemoryTarget();
  const snapshot = live.cut(target);
  const wanted = recordOf(live, "set:350");
  expect(snapshot.holds(recordOf(live, "small:7"))).toBe(false);
  expect(snapshot.holds(wanted)).toBe(true);
  let others = 0;
  while (snapshot.holds(wanted)) {
    snapshot.walk(() => true);
    others = snapshot.largeValuesWritten;
  }
  expect(others).toBe(1);
  snapshot.walk(() => false);
  expect(snapshot.holds(wanted)).toBe(false);
});

test("what cannot wait has the value written before: waiting, under way, or not seen yet", () => {
  const live = mixed();
  const expected = readFile(live.save()).keys;
  const target = new MemoryTarget();
  const snapshot = live.cut(target);
  const change = (key: string): void => {
    const database = live.keyspace.database(0);
    const record = database.lookupWrite(Buffer.from(key), 0, key.length);
    live.collections.set.open(database.rootOf(record), database.encodingOf(record));
    live.collections.set.add(Buffer.from("more"), 0, 4);
    database.setRoot(record, live.collections.set.root, live.collections.set.encoding);
  };
  change("set:50");
  expect(snapshot.holds(recordOf(live, "set:150"))).toBe(true);
  expect(snapshot.holds(recordOf(live, "set:250"))).toBe(true);
  for (let k = 0; k < 10; k++) snapshot.walk(() => true);
  change("set:150");
  change("set:250");
  live.keyspace.database(0).delete(Buffer.from("set:350"), 0, 7);
  live.keyspace.database(0).delete(Buffer.from("string:10"), 0, 9);
  put(live, "string:210", Buffer.from("short"));
  expect(snapshot.walk(() => false)).toBe(true);
  expect(snapshot.keysWritten).toBe(snapshot.keysAtCut);
  agreeInAll(readFile(target.file).keys, expected);
});

test("random changes and random pieces give the data of the cut", () => {
  const seed = seedOf(1);
  const random = createSeededRandom(seed);
  const live = mixed();
  const names = ["set:50", "set:150", "set:250", "string:10", "string:210"];
  const expected = readFile(live.save()).keys;
  const target = new MemoryTarget();
  const snapshot = live.cut(target);
  const database = live.keyspace.database(0);
  while (!snapshot.walk(() => random.below(4) === 0)) {
    const key = random.below(60) === 0 ? (names[random.below(5)] as string) : `small:${random.below(500)}`;
    const record = recordOf(live, key);
    if (record !== 0 && random.below(8) > 0 && snapshot.holds(record)) continue;
    if (random.below(3) === 0) database.delete(Buffer.from(key), 0, key.length);
    else put(live, key, Buffer.alloc(random.below(8) === 0 ? 2 << 20 : 20, 1));
  }
  agreeInAll(readFile(target.file).keys, expected, `seed ${seed}`);
});

/** One of each type, large; what is there of small ones is in the same blocks. */
async function fill(client: RawClient): Promise<void> {
  const requests: Buffer[] = [];
  const add = (...args: CommandArgument[]): void => void requests.push(encodeCommand(args));
  add("SET", "big:string", Buffer.alloc(STRING_BYTES, "x"));
  add("RPUSH", "big:elements", Buffer.alloc(STRING_BYTES, "y"), "small");
  add("XGROUP", "CREATE", "big:stream", "g", "0", "MKSTREAM");
  for (let k = 0; k < ELEMENTS; k++) {
    add("RPUSH", "big:list", `element:${k}`);
    add("SADD", "big:set", `member:${k}`);
    add("HSET", "big:hash", `field:${k}`, `value:${k}`);
    add("ZADD", "big:zset", String(k / 3), `member:${k}`);
    add("XADD", "big:stream", `1-${k + 1}`, "f", `v${k}`);
    if (k % 20 === 0) add("SET", `small:${k}`, "before");
  }
  add("XREADGROUP", "GROUP", "g", "c", "COUNT", "3000", "STREAMS", "big:stream", ">");
  client.write(Buffer.concat(requests));
  for (const reply of await client.replies(requests.length)) {
    if (reply[0] === 45) throw new Error(reply.toString());
  }
}

/** Each on a connection of its own: some have to wait. */
const CHANGES: readonly (readonly string[])[] = [
  ["APPEND", "big:string", "more"],
  ["LPUSH", "big:list", "more"],
  ["LSET", "big:elements", "0", "other"],
  ["SADD", "big:set", "more"],
  ["HSET", "big:hash", "field:1", "other"],
  ["ZADD", "big:zset", "-1", "member:1"],
  ["XACK", "big:stream", "g", "1-1"],
  ["XADD", "big:stream", "*", "f", "v"],
  ["RENAME", "big:set", "renamed"],
  ["EVAL", "return redis.call('hset', KEYS[1], 'more', 1)", "1", "big:hash"],
  ["SORT", "big:list", "ALPHA", "STORE", "big:zset"],
  ["DEL", "big:elements"],
  ["PEXPIRE", "big:string", "100000"],
];

test("a save under way has the data of its moment, and whoever changes large values goes on behind it", async () => {
  const server = await startOwnServer("--enable-debug-command", "yes");
  opened.push(() => server.stop());
  const client = await RawClient.connect(server.port);
  await fill(client);
  const digest = (await client.command("DEBUG", "DIGEST")).toString().trim().slice(1);
  const clients = await Promise.all(CHANGES.map(() => RawClient.connect(server.port)));
  const transaction = await RawClient.connect(server.port);
  opened.push(() => [client, transaction, ...clients].forEach((one) => void one.socket.destroy()));
  await transaction.command("MULTI");
  await transaction.command("HINCRBY", "big:hash", "counter", "1");
  const [saving, ...replies] = await Promise.all([
    client.command("BGSAVE"),
    ...clients.map((one, k) => one.command(...(CHANGES[k] as readonly string[]))),
    transaction.command("EXEC"),
    client.command("MSET", "small:0", "after", "small:20", "after"),
  ]);
  expect(String(saving)).toBe("+Background saving started\r\n");
  expect(replies.map(String).filter((reply) => reply.startsWith("-"))).toEqual([]);
  await eventually("the end of the save", async () =>
    (await client.command("INFO", "persistence")).includes("rdb_bgsave_in_progress:0"),
  );
  const directory = temporaryDirectory();
  const [, , , folder] = (await client.command("CONFIG", "GET", "dir")).toString().split("\r\n").slice(1);
  copyFileSync(path.join(folder as string, "dump.rdb"), path.join(directory, "dump.rdb"));
  const redis = await ReferenceRedis.start([], directory);
  opened.push(() => redis.stop());
  expect(await redis.command("DEBUG", "DIGEST")).toBe(digest);
});
