/**
 * Streams with hundreds of thousands of entries, all pending in one group: what redis-server does without a walk over them
 * takes no walk here either, and what is deleted is freed in slices.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const ENTRIES = 300_000;
const CONSUMERS = 100;
const BATCH = 10_000;
/** A walk over all entries takes ten times as long. */
const LIMIT_MS = 5;
/** Other processes take the processor away: the fastest of some runs counts. */
const ATTEMPTS = 7;

describe("Streams at scale", () => {
  let server: OwnServer;
  let client: RawClient;
  let emptyBytes = 0;

  const ask = (line: string): Promise<string> => client.text(...line.split(" "));

  async function fill(key: string): Promise<void> {
    for (let first = 1; first <= ENTRIES; first += BATCH) {
      const words = Array.from({ length: BATCH }, (_, k) => ["XADD", key, `${first + k}-1`, "field", `value:${k}`]);
      client.write(Buffer.concat(words.map((command) => Buffer.from(encodeCommand(command)))));
      await client.replies(BATCH);
    }
  }

  async function deliverAll(key: string): Promise<void> {
    await ask(`XGROUP CREATE ${key} g 0`);
    const each = ENTRIES / CONSUMERS;
    for (let consumer = 0; consumer < CONSUMERS; consumer++) {
      await ask(`XREADGROUP GROUP g c${consumer} COUNT ${each} STREAMS ${key} >`);
    }
  }

  async function fastestMs(line: string): Promise<number> {
    let fastest = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const start = performance.now();
      await ask(line);
      fastest = Math.min(fastest, performance.now() - start);
    }
    return fastest;
  }

  /** Frees what waits, in slices as the upkeep does it; gives the number of slices. */
  function freeAll(): number {
    let slices = 1;
    while (!server.context.keyspace.reclaim(0.1)) slices++;
    return slices;
  }

  beforeAll(async () => {
    server = await startOwnServer();
    client = await RawClient.connect(server.port);
    emptyBytes = server.context.keyspace.arena.usedBytes;
    await fill("s");
    await deliverAll("s");
  }, 60_000);

  afterAll(async () => {
    client.close();
    await server.stop();
  });

  test.each([
    "XPENDING s g",
    "XPENDING s g - + 10",
    "XPENDING s g 200000 + 10 c80",
    "XPENDING s g 299990 + 10 nosuch",
    "XCLAIM s g c1 0 150000-1",
    "XCLAIM s g c2 0 150000-1 JUSTID",
    "XAUTOCLAIM s g c3 0 0",
    "XAUTOCLAIM s g c4 0 290000 COUNT 50 JUSTID",
    "XAUTOCLAIM s g c4 99999999 0",
    "XACK s g 150000-1 150001-1",
    "XREADGROUP GROUP g c90 COUNT 10 STREAMS s 0",
    "XINFO STREAM s",
    "XINFO GROUPS s",
    "XINFO CONSUMERS s g",
    "XGROUP SETID s g 300000-1",
    "XDEL s 140000-1",
    "XRANGE s 100000 + COUNT 10",
    "XREVRANGE s + - COUNT 10",
    "XLEN s",
    "MEMORY USAGE s",
    "XTRIM s MAXLEN ~ 299000",
  ])("%s does not walk over all entries", async (line) => {
    expect(await fastestMs(line)).toBeLessThan(LIMIT_MS);
  });

  test("MEMORY USAGE by samples is near the exact figure", async () => {
    const [sampled, exact] = [await ask("MEMORY USAGE s"), await ask("MEMORY USAGE s SAMPLES 0")].map((reply) =>
      Number(reply.slice(1)),
    ) as [number, number];
    expect(Math.abs(sampled - exact)).toBeLessThan(exact * 0.02);
    const held = server.context.keyspace.arena.usedBytes - emptyBytes;
    // What the index of the keyspace takes for its first key is not the value's.
    expect(held - exact).toBeGreaterThanOrEqual(0);
    expect(held - exact).toBeLessThan(100_000);
  });

  test("a group and a stream with everything pending are freed in slices, to the last byte", async () => {
    const { keyspace } = server.context;
    await ask("COPY s copy");
    const before = keyspace.arena.usedBytes;
    client.write("XGROUP DESTROY s g\r\nDEL copy\r\nXLEN s\r\n");
    let seen = 0;
    const watch = setInterval(() => {
      seen = Math.max(seen, keyspace.waitingFrees);
    }, 0);
    const replies = (await client.replies(3)).map(String);
    expect(replies.slice(0, 2)).toEqual([":1\r\n", ":1\r\n"]);
    // The memory of both is still held when they are answered.
    expect(keyspace.waitingFrees + seen).toBeGreaterThan(0);
    clearInterval(watch);
    freeAll();
    expect(keyspace.arena.usedBytes).toBeLessThan(before / 2);
    await ask("DEL s");
    freeAll();
    expect(keyspace.arena.usedBytes).toBe(emptyBytes);
  });
});
