/** Keyspace events beside redis-server: random calls of all families, and those that go by themselves. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EventListener } from "../testing/event-listener.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const SCRIPT = [
  ...["SET s v EX 1000", "SET s v", "SETNX n 1", "GETSET s w", "APPEND s x", "SETRANGE s 1 yy", "INCR n", "DECRBY n 3"],
  ...["INCRBYFLOAT n 1.5", "MSET a 1 b 2", "GETEX a EX 100", "GETEX a PERSIST", "GETDEL a", "PERSIST b", "EXPIRE b -1"],
  ...["SETEX s 100 v", "PERSIST s", "RENAME s t", "COPY t u", "MOVE u 1", "DEL t none", "UNLINK n"],
  ...[
    "LPUSH l a b c",
    "RPUSH l d",
    "LINSERT l BEFORE a x",
    "LSET l 0 y",
    "LREM l 1 x",
    "LTRIM l 0 2",
    "LPOP l",
    "RPOP l 9",
  ],
  ...[
    "RPUSH l 1 2 3",
    "LMOVE l m LEFT RIGHT",
    "RPOPLPUSH l l",
    "LMPOP 1 m LEFT",
    "BLPOP l 0",
    "BLMOVE l k LEFT LEFT 0",
  ],
  ...[
    "SADD x 1 2 3 a",
    "SADD y 2 3",
    "SREM x a",
    "SMOVE x y 1",
    "SPOP y 9",
    "SINTERSTORE z x y",
    "SUNIONSTORE z x",
    "SREM x 2 3",
  ],
  ...[
    "ZADD g 1 a 2 b 3 c",
    "ZADD g INCR 1 a",
    "ZINCRBY g 1 b",
    "ZREM g c",
    "ZPOPMIN g",
    "ZUNIONSTORE h 1 g",
    "ZINTERSTORE h 2 g s",
  ],
  ...[
    "ZADD g 1 a 2 b 3 c 4 d",
    "ZREMRANGEBYSCORE g 1 1",
    "ZREMRANGEBYRANK g 0 0",
    "ZREMRANGEBYLEX g - +",
    "ZRANGESTORE h g 0 -1",
  ],
  ...["HSET f a 1 b 2", "HINCRBY f a 1", "HINCRBYFLOAT f b 0.5", "HSETNX f c 3", "HDEL f a b c", "HDEL f a"],
  ...[
    "SETBIT bits 1 1",
    "BITOP NOT dest bits",
    "PFADD hll a",
    "PFMERGE hll2 hll",
    "GEOADD geo 1 1 a",
    "RPUSH l 3 1 2",
    "SORT l STORE r",
  ],
];

describe.runIf(hasReferenceServer)("keyspace events beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  async function eventsOf(port: number, lines: readonly string[]): Promise<string[]> {
    const client = await RawClient.connect(port);
    await client.command("FLUSHALL");
    const listener = await EventListener.start(port);
    const heard: string[] = [];
    for (const line of lines) {
      const reply = (await client.command(...line.split(" "))).toString();
      const events = (await listener.takeEvents()).map((event) => event.toString().split("\r\n").slice(6).join(" "));
      heard.push(`${line}${reply.startsWith("-ERR") ? ` ${reply}` : ""}: ${events.join(", ")}`);
    }
    await listener.stop();
    client.close();
    return heard;
  }

  test("each command tells the same events in the same order", async () => {
    const [ours, theirs] = await Promise.all([
      eventsOf(pair.ports.ours, SCRIPT),
      eventsOf(pair.ports.reference, SCRIPT),
    ]);
    expect(ours).toEqual(theirs);
  });

  test("a key that is met after its time tells that it expired", async () => {
    const lines = ["DEBUG SET-ACTIVE-EXPIRE 0", "SET k v PXAT 1000", "SET k v PXAT 1000", "GET k", "LPUSH k a"];
    const [ours, theirs] = await Promise.all([eventsOf(pair.ports.ours, lines), eventsOf(pair.ports.reference, lines)]);
    expect(ours).toEqual(theirs);
  });

  test("a key that is evicted tells it", async () => {
    const client = await RawClient.connect(pair.ports.ours);
    const listener = await EventListener.start(pair.ports.ours);
    await client.command("SET", "victim", "x".repeat(1000));
    await listener.takeEvents();
    await client.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", "1");
    await client.command("SET", "other", "v");
    await client.command("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction");
    expect((await listener.takeEvents()).join("")).toContain("__keyevent@0__:evicted");
    await listener.stop();
    client.close();
  });
});
