// Ordinary Redis clients write and read a hundred thousand keys of all five basic types.
import { keySlot } from "@kvcluster/protocol/slots";
import { beforeAll, describe, expect, test } from "vitest";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";

const KEYS = 100_000;
const KEYS_IN_ANY_ORDER = 1_000;
const it = scene("data");

beforeAll(async () => {
  await it.apply(clusterManifest("data"));
  await it.ready("data", 90_000);
});

describe("a cluster's data", () => {
  test("100,000 keys of five types are written and read back by redis-py's RedisCluster", async () => {
    explainFailure(it.namespace);
    expect(await it.keys("data", "write", KEYS)).toBe(`${KEYS} keys written\n`);
    expect(await it.keys("data", "check", KEYS)).toBe(`${KEYS} keys as written\n`);
  });

  test("every key is on the one shard that owns its slot", async () => {
    const sizes = await it.redisCli("data", ["--cluster", "call", "data:6379", "DBSIZE", "--cluster-only-masters"]);
    const counts = [...sizes.matchAll(/: (?:\(integer\) )?(\d+)$/gm)].map((match) => Number(match[1]));
    expect(counts).toHaveLength(3);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(KEYS);
  });

  test("100,000 keys of five types are written and read back by `redis-cli -c`", async () => {
    explainFailure(it.namespace);
    // In the order of slots: redis-cli reconnects at each redirection, which takes a millisecond or two.
    const bySlot = cliKeys("bulk", KEYS).sort((a, b) => slotOf(a.key) - slotOf(b.key));
    expect(await differences(bySlot)).toEqual([]);
  });

  test("`redis-cli -c` is redirected to the owners of keys in any order", async () => {
    explainFailure(it.namespace);
    expect(await differences(cliKeys("any", KEYS_IN_ANY_ORDER))).toEqual([]);
  });
});

interface CliKey {
  readonly key: string;
  readonly write: string;
  readonly written: string;
  readonly read: string;
  /** The reply, one line an element. */
  readonly found: readonly string[];
}

/** Keys with all that is to be typed and expected; key i is of type i mod 5. */
function cliKeys(name: string, count: number): CliKey[] {
  return Array.from({ length: count }, (_, i) => {
    const key = `cli:${name}:${i}`;
    const ways = [
      { write: `SET ${key} v${i}`, written: "OK", read: `GET ${key}`, found: [`v${i}`] },
      { write: `RPUSH ${key} a${i} b${i}`, written: "2", read: `LRANGE ${key} 0 -1`, found: [`a${i}`, `b${i}`] },
      { write: `SADD ${key} m${i}`, written: "1", read: `SMEMBERS ${key}`, found: [`m${i}`] },
      {
        write: `ZADD ${key} ${i} m${i}`,
        written: "1",
        read: `ZRANGE ${key} 0 -1 WITHSCORES`,
        found: [`m${i}`, `${i}`],
      },
      { write: `HSET ${key} f v${i}`, written: "1", read: `HGET ${key} f`, found: [`v${i}`] },
    ] as const;
    return { key, ...ways[(i % 5) as 0 | 1 | 2 | 3 | 4] };
  });
}

function slotOf(key: string): number {
  const bytes = Buffer.from(key);
  return keySlot(bytes, 0, bytes.length);
}

/** Writes and reads the keys by `redis-cli -c`; the first lines that are not as expected. */
async function differences(keys: readonly CliKey[]): Promise<readonly string[]> {
  const wrote = await type(keys.map(({ write }) => write));
  const read = await type(keys.map(({ read: command }) => command));
  const expected = [...keys.map(({ written }) => written), ...keys.flatMap(({ found }) => found)];
  const printed = [...wrote, ...read];
  const wrong = expected.flatMap((want, i) => (printed[i] === want ? [] : [`line ${i}: ${printed[i]}, not ${want}`]));
  const lines = printed.length === expected.length ? [] : [`${printed.length} lines, not ${expected.length}`];
  return [...lines, ...wrong].slice(0, 10);
}

/** What redis-cli printed for the commands, less its notes about redirections. */
async function type(commands: readonly string[]): Promise<readonly string[]> {
  const output = await it.redisCli("data", ["-c"], commands.join("\n"));
  return output.split("\n").filter((line) => line !== "" && !line.startsWith("-> Redirected"));
}
