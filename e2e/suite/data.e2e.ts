// Ordinary Redis clients write and read a hundred thousand keys of all five basic types.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";

const KEYS_SCRIPT = readFileSync(join(import.meta.dirname, "../clients/keys.py"), "utf8");
const KEYS = 100_000;
/** redis-cli reconnects for two keys in three, which takes a millisecond or two each. */
const REDIS_CLI_KEYS = 10_000;
const it = scene("data");

beforeAll(async () => {
  await it.apply(clusterManifest("data"));
  await it.ready("data", 90_000);
});

describe("a cluster's data", () => {
  test("100,000 keys of five types are written and read back by redis-py's RedisCluster", async () => {
    explainFailure(it.namespace);
    const environment = { HOST: "data", PASSWORD: await it.password("data") };
    expect(await it.python(KEYS_SCRIPT, environment, ["write", `${KEYS}`])).toBe(`${KEYS} keys written\n`);
    expect(await it.python(KEYS_SCRIPT, environment, ["check", `${KEYS}`])).toBe(`${KEYS} keys as written\n`);
  });

  test("every key is on the one shard that owns its slot", async () => {
    const sizes = await it.redisCli("data", ["--cluster", "call", "data:6379", "DBSIZE", "--cluster-only-masters"]);
    const counts = [...sizes.matchAll(/: (?:\(integer\) )?(\d+)$/gm)].map((match) => Number(match[1]));
    expect(counts).toHaveLength(3);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(KEYS);
  });

  test("10,000 keys of five types are written and read back by `redis-cli -c`", async () => {
    explainFailure(it.namespace);
    const numbers = Array.from({ length: REDIS_CLI_KEYS / 5 }, (_, i) => i);
    const writes = numbers.flatMap((i) => [
      `SET cli:string:${i} v${i}`,
      `RPUSH cli:list:${i} a${i} b${i}`,
      `SADD cli:set:${i} m${i}`,
      `ZADD cli:zset:${i} ${i} m${i}`,
      `HSET cli:hash:${i} f v${i}`,
    ]);
    const reads = numbers.flatMap((i) => [
      `GET cli:string:${i}`,
      `LRANGE cli:list:${i} 0 -1`,
      `SMEMBERS cli:set:${i}`,
      `ZRANGE cli:zset:${i} 0 -1 WITHSCORES`,
      `HGET cli:hash:${i} f`,
    ]);
    const written = await it.redisCli("data", ["-c"], writes.join("\n"));
    expect(replies(written)).toEqual(numbers.flatMap(() => ["OK", "2", "1", "1", "1"]));
    const read = await it.redisCli("data", ["-c"], reads.join("\n"));
    expect(replies(read)).toEqual(
      numbers.flatMap((i) => [`v${i}`, `a${i}`, `b${i}`, `m${i}`, `m${i}`, `${i}`, `v${i}`]),
    );
  });
});

/** What redis-cli printed, less its notes about redirections. */
function replies(output: string): readonly string[] {
  return output.split("\n").filter((line) => line !== "" && !line.startsWith("-> Redirected"));
}
