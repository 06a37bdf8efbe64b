/** For tests: commands that make keys of all five basic types, in every encoding, with and without expiry, in two databases. */

import { createSeededRandom } from "../platform/random.ts";

/** redis-cli lines for about `count` keys. */
export function sampleCommands(count: number, seed: number): string[] {
  const random = createSeededRandom(seed);
  const word = (length: number): string =>
    Array.from({ length }, () => String.fromCharCode(97 + random.below(26))).join("");
  const items = (number: number, make: (k: number) => string): string =>
    Array.from({ length: number }, (_, k) => make(k)).join(" ");
  const makers: ((key: string) => string)[] = [
    (key) => `SET ${key} ${word(1 + random.below(60))}`,
    (key) => `SET ${key} ${random.below(2) === 0 ? "-" : ""}${random.below(2 ** 32)}`,
    (key) => `SET ${key} ${word(3).repeat(50 + random.below(100))}`,
    (key) => `RPUSH ${key} ${items(1 + random.below(30), (k) => `${word(4)}${k}`)}`,
    (key) => `SADD ${key} ${items(1 + random.below(30), () => String(random.below(100_000) - 50_000))}`,
    (key) => `SADD ${key} ${items(1 + random.below(30), () => word(6))}`,
    (key) => `HSET ${key} ${items(1 + random.below(30), (k) => `f${k} ${word(8)}`)}`,
    (key) => `ZADD ${key} ${items(1 + random.below(30), (k) => `${(random.below(20_000) - 10_000) / 8} m${k}`)}`,
  ];
  const large = [
    `RPUSH big:list ${items(3000, (k) => `${word(10)}${k}`)}`,
    `RPUSH big:elements ${word(9000)} ${word(20_000)} x ${word(100)}`,
    `SADD big:set ${items(2000, (k) => `${word(5)}${k}`)}`,
    `SADD big:intset ${items(500, (k) => String(k * 10_000_000_019 - 9_000_000_000))}`,
    `HSET big:hash ${items(1000, (k) => `field${k} ${word(20)}`)}`,
    `HSET big:value f ${word(5000)}`,
    `ZADD big:zset ${items(1500, (k) => `${random.below(1000) / 3} member${k}`)}`,
    "ZADD inf:zset inf a -inf b 1e300 c -0.1 d",
    `SET big:string ${word(200_000)}`,
    ...streamCommands(word),
    'SET "" empty',
    'SET bytes "\\x00\\xff\\r\\n\\x80"',
    `SET ${word(300)} long-key`,
  ];
  const lines = [...large];
  for (let k = 0; k < count; k++) {
    if (k === count >> 1) lines.push("SELECT 5");
    const key = `key:${k}`;
    lines.push((makers[k % makers.length] as (key: string) => string)(key));
    if (random.below(5) === 0) lines.push(`PEXPIREAT ${key} ${4_000_000_000_000 + random.below(1e9)}`);
  }
  lines.push("SELECT 0");
  return lines;
}

/** Streams: one empty, one of many blocks with deleted entries, one with groups whose entries are pending, gone, claimed. */
function streamCommands(word: (length: number) => string): string[] {
  const lines = ["XADD stream:gone 5-1 a b", "XDEL stream:gone 5-1", "XGROUP CREATE stream:gone g $"];
  for (let k = 1; k <= 400; k++)
    lines.push(`XADD stream:big ${k * 3}-${k} field ${word(20)} ${k % 7 === 0 ? "odd" : "even"} ${k}`);
  for (let k = 5; k <= 250; k += 2) lines.push(`XDEL stream:big ${k * 3}-${k}`);
  lines.push("XADD stream:large 18446744073709551615-9223372036854775809 f v", "XGROUP CREATE stream:big g1 0");
  lines.push("XGROUP CREATE stream:big g2 $ ENTRIESREAD 77", "XGROUP CREATECONSUMER stream:big g2 idle");
  for (const consumer of ["alice", "bob", "carol"]) {
    lines.push(`XREADGROUP GROUP g1 ${consumer} COUNT 90 STREAMS stream:big >`);
  }
  lines.push("XACK stream:big g1 3-1 6-2", "XDEL stream:big 9-3 12-4", "XGROUP DELCONSUMER stream:big g1 carol");
  lines.push("XCLAIM stream:big g1 dave 0 768-256 RETRYCOUNT 9 TIME 1500000000000 FORCE JUSTID");
  return lines;
}
