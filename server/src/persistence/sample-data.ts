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
