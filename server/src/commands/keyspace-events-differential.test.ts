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

const STREAMS = [
  ...[
    "XADD s 1-1 a b",
    "XADD s 1-1 a b",
    "XADD s MAXLEN 1 2-1 a b",
    "XADD s MAXLEN 5 3-1 a b",
    "XADD s NOMKSTREAM 4-1 a b",
  ],
  ...["XADD none NOMKSTREAM 1-1 a b", "XADD s MINID 4 5-1 a b", "XADD s MAXLEN ~ 1 6-1 a b", "XADD s MAXLEN 0 7-1 a b"],
  ...[
    "XADD s 8-1 a b",
    "XADD s 9-1 a b",
    "XTRIM s MAXLEN 1",
    "XTRIM s MAXLEN 1",
    "XTRIM s MINID 8",
    "XTRIM none MAXLEN 0",
  ],
  ...[
    "XADD s 10-1 a b",
    "XDEL s 9-1 10-1",
    "XDEL s 9-1",
    "XDEL none 1-1",
    "XSETID s 11-1",
    "XSETID s 11-1 ENTRIESADDED 50",
    "XSETID none 1-1",
  ],
  ...["XGROUP CREATE s g $", "XGROUP CREATE s g $", "XGROUP CREATE made g $ MKSTREAM", "XGROUP CREATE none g $"],
  ...["XGROUP SETID s g 0", "XGROUP SETID s none 0", "XGROUP CREATECONSUMER s g a", "XGROUP CREATECONSUMER s g a"],
  ...["XADD s 12-1 a b", "XADD s 13-1 a b", "XREAD STREAMS s 0", "XREADGROUP GROUP g a STREAMS s >"],
  ...[
    "XREADGROUP GROUP g a STREAMS s 0",
    "XADD s 14-1 a b",
    "XREADGROUP GROUP g new COUNT 1 STREAMS s >",
    "XACK s g 12-1",
  ],
  ...["XCLAIM s g a 0 14-1", "XCLAIM s g other 0 14-1", "XAUTOCLAIM s g auto 0 0", "XAUTOCLAIM s g auto 0 0 COUNT 1"],
  ...["XDEL s 13-1", "XAUTOCLAIM s g auto 0 0", "XPENDING s g", "XLEN s", "XRANGE s - +", "XINFO STREAM s"],
  ...["XGROUP DELCONSUMER s g a", "XGROUP DELCONSUMER s g a", "XGROUP DESTROY s g", "XGROUP DESTROY s g"],
  ...[
    "MULTI",
    "XADD s 20-1 a b",
    "XTRIM s MAXLEN 0",
    "EXEC",
    "COPY s copy",
    "RENAME copy moved",
    "EXPIRE s -1",
    "DEL moved made",
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

  test.each([
    ["most types", SCRIPT],
    ["streams", STREAMS],
  ])("each command tells the same events in the same order: %s", async (_, script) => {
    const [ours, theirs] = await Promise.all([
      eventsOf(pair.ports.ours, script),
      eventsOf(pair.ports.reference, script),
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
