/**
 * RESTORE of payloads that were changed at random and given a right checksum: each is refused or makes a value that every
 * command can work on and that can be deleted again; no byte is leaked and nothing grows beyond reason.
 */

import { expect } from "vitest";
import { Crc64 } from "../persistence/crc64.ts";
import { mutate } from "./mutated-input.ts";
import { type OwnServer, startOwnServer } from "./own-server.ts";
import { RawClient } from "./raw-client.ts";
import { Script, type Word } from "./script.ts";

const CHECKSUM_BYTES = 8;
const FOOTER_BYTES = 10;
const MOST_BYTES = 4 << 20;

/** Commands that make values of every type and encoding. */
export const VARIOUS_VALUES: readonly Word[][] = [
  ["SET", "s", "text text text text text text text text"],
  ["SET", "i", "-70000"],
  ["RPUSH", "l", "a", "1", "-300", "x".repeat(70), ""],
  ["RPUSH", "ll", ...Array.from({ length: 60 }, (_, k) => `${k}:${"y".repeat(300)}`)],
  ["SADD", "is", "1", "-70000", "9000000000000000000"],
  ["SADD", "st", "a", "b", "17"],
  ["SADD", "stt", ...Array.from({ length: 200 }, (_, k) => `m${k}`)],
  ["HSET", "h", "f", "v", "g", "17", "h", "long ".repeat(12)],
  ["HSET", "hh", ...Array.from({ length: 300 }, (_, k) => `f${k >> 1}${k & 1}`)],
  ["ZADD", "z", "1", "a", "2.5", "b", "-3", "17"],
  ["ZADD", "zz", ...Array.from({ length: 300 }, (_, k) => String(k % 2 === 0 ? k / 7 : k))],
  ["HSET", "he", "f", "v", "g", "17"],
  ["HPEXPIREAT", "he", "4000000000000", "FIELDS", "1", "f"],
  ["HSET", "hhe", ...Array.from({ length: 300 }, (_, k) => `f${k >> 1}${k & 1}`)],
  ["HPEXPIREAT", "hhe", "4000000000000", "FIELDS", "3", "f00", "f10", "f20"],
  ["XADD", "x", "1-1", "f", "v"],
  ["XADD", "x", "2-1", "f", "v", "g", "w"],
  ["XGROUP", "CREATE", "x", "group", "0"],
  ["XREADGROUP", "GROUP", "group", "consumer", "STREAMS", "x", ">"],
];

/** Run on whatever was restored; errors of the wrong type are fine. */
const PROBES: readonly Word[][] = [
  ...[
    ["TYPE", "k"],
    ["OBJECT", "ENCODING", "k"],
    ["DEBUG", "DIGEST-VALUE", "k"],
    ["DUMP", "k"],
    ["COPY", "k", "c", "REPLACE"],
  ],
  ...[
    ["GET", "k"],
    ["APPEND", "k", "x"],
    ["LRANGE", "k", "0", "-1"],
    ["LINDEX", "k", "-1"],
    ["LPUSH", "k", "1"],
    ["RPOP", "k"],
  ],
  ...[
    ["SMEMBERS", "k"],
    ["SADD", "k", "m", "x".repeat(80)],
    ["SPOP", "k"],
    ["SRANDMEMBER", "k", "-5"],
    ["SREM", "k", "a"],
  ],
  ...[
    ["HGETALL", "k"],
    ["HSET", "k", "f", "y".repeat(80)],
    ["HDEL", "k", "g"],
    ["HRANDFIELD", "k", "-5"],
    ["HLEN", "k"],
    ["HPTTL", "k", "FIELDS", "1", "f"],
  ],
  ...[
    ["ZRANGE", "k", "0", "-1", "WITHSCORES"],
    ["ZADD", "k", "5", "n", "1", "z".repeat(80)],
    ["ZPOPMIN", "k"],
    ["ZRANK", "k", "b"],
  ],
  ...[
    ["ZRANGEBYSCORE", "k", "-inf", "+inf"],
    ["XRANGE", "k", "-", "+"],
    ["XADD", "k", "*", "a", "b"],
    ["XINFO", "STREAM", "k", "FULL"],
  ],
  ...[
    ["MEMORY", "USAGE", "k"],
    ["DEL", "k", "c"],
  ],
];

function withChecksum(payload: Buffer): Buffer {
  if (payload.length < FOOTER_BYTES) return payload;
  const bytes = Buffer.from(payload);
  bytes.writeUInt16LE(10, bytes.length - FOOTER_BYTES);
  const checksum = new Crc64();
  checksum.update(bytes, 0, bytes.length - CHECKSUM_BYTES);
  checksum.write(bytes, bytes.length - CHECKSUM_BYTES);
  return bytes;
}

/** Restores so many payloads and uses what they make; how many made something. */
export async function restoreHostilePayloads(seed: number, rounds: number): Promise<number> {
  const server = await startOwnServer("--enable-debug-command", "yes", "--rdbcompression", "no");
  const client = await RawClient.connect(server.port);
  try {
    return await restoreAll(server, client, { seed, rounds });
  } finally {
    client.close();
    await server.stop();
  }
}

async function restoreAll(
  server: OwnServer,
  client: RawClient,
  { seed, rounds }: { readonly seed: number; readonly rounds: number },
): Promise<number> {
  const script = new Script(seed);
  for (const args of VARIOUS_VALUES) await client.command(...args);
  const payloads: Buffer[] = [];
  for (const key of new Set(VARIOUS_VALUES.map((args) => String(args[1])))) {
    const reply = await client.command("DUMP", key);
    if (reply[0] === "$".charCodeAt(0) && reply.length > FOOTER_BYTES)
      payloads.push(reply.subarray(reply.indexOf(10) + 1, -2));
  }
  expect(payloads.length).toBeGreaterThan(9);
  const { arena, indexBytes } = server.context.keyspace;
  await client.command("FLUSHALL", "SYNC");
  // What a database makes once and keeps must be there before bytes are counted.
  for (const payload of payloads) await client.command("RESTORE", "k", "0", payload, "REPLACE");
  await client.command("DEL", "k");
  while (!server.context.keyspace.reclaim(100));
  const emptyBytes = arena.usedBytes;
  expect(emptyBytes).toBeLessThan(indexBytes + MOST_BYTES);
  let taken = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = withChecksum(mutate(script, script.pick(payloads)));
    const reply = await client.text("RESTORE", "k", "0", bytes, "REPLACE");
    const where = `seed ${seed}, round ${round}, payload ${bytes.toString("hex").slice(0, 4000)}`;
    expect(
      ["+OK\r\n", "-ERR Bad data format\r\n", "-ERR DUMP payload version or checksum are wrong\r\n"],
      where,
    ).toContain(reply);
    expect(arena.usedBytes, where).toBeLessThan(emptyBytes + MOST_BYTES);
    if (reply === "+OK\r\n") {
      taken++;
      for (const probe of PROBES) await client.command(...probe);
    }
    while (!server.context.keyspace.reclaim(100));
    expect(arena.usedBytes, where).toBe(emptyBytes);
  }
  return taken;
}
