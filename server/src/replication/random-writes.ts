/** For tests: random changes of values of all types, as clients make them, to be carried to replicas. */

import type { CommandArgument } from "@kvcluster/protocol/resp-encoder";
import { createSeededRandom, type Random } from "../platform/random.ts";
import type { ReferenceClient } from "../testing/reference-server.ts";

type Maker = () => CommandArgument[];

const BATCH = 50;
/** Keys of sample data that may be deleted or made to expire. */
const SAMPLE_KEYS = 2000;
const SCRIPT = "redis.call('SET', KEYS[1], math.random()) return redis.call('SPOP', KEYS[2], 2)";

/** Changes whose outcome is the same whenever they run. */
function lastingChanges(random: Random): Maker[] {
  return [
    () => ["SET", `w:${random.below(300)}`, random.uint32()],
    () => ["SET", `t:${random.below(50)}`, "x", "EX", 1000 + random.below(100)],
    () => ["INCR", `n:${random.below(20)}`],
    () => ["INCRBYFLOAT", `f:${random.below(20)}`, "0.1"],
    () => ["APPEND", `a:${random.below(20)}`, "abc"],
    () => ["RPUSH", `l:${random.below(20)}`, random.uint32(), random.uint32()],
    () => ["LPOP", `l:${random.below(20)}`],
    () => ["SADD", `s:${random.below(20)}`, random.below(1000), `m${random.below(100)}`],
    () => ["SPOP", `s:${random.below(20)}`],
    () => ["HSET", `h:${random.below(20)}`, `f${random.below(300)}`, random.uint32()],
    () => ["HDEL", `h:${random.below(20)}`, `f${random.below(300)}`],
    () => ["ZADD", `z:${random.below(20)}`, random.below(1000) / 7, `m${random.below(300)}`],
    () => ["ZPOPMIN", `z:${random.below(20)}`],
    () => ["XADD", `x:${random.below(6)}`, "*", "f", random.uint32(), `g${random.below(2)}`, "v"],
    () => ["XADD", `x:${random.below(6)}`, "MAXLEN", "~", 150, "*", "f", random.uint32()],
    () => ["XGROUP", "CREATE", `x:${random.below(6)}`, `g${random.below(2)}`, "0", "MKSTREAM"],
    () => ["XREADGROUP", "GROUP", "g0", `c${random.below(4)}`, "COUNT", 5, "STREAMS", `x:${random.below(6)}`, ">"],
    () => ["XREADGROUP", "GROUP", "g1", "c", "NOACK", "COUNT", 3, "STREAMS", `x:${random.below(6)}`, ">"],
    () => ["XAUTOCLAIM", `x:${random.below(6)}`, "g0", `c${random.below(4)}`, 0, "-", "COUNT", 4],
    () => ["XTRIM", `x:${random.below(6)}`, "MAXLEN", "~", 120, "LIMIT", 200],
    () => ["DEL", `key:${random.below(SAMPLE_KEYS)}`],
    () => ["PEXPIRE", `key:${random.below(SAMPLE_KEYS)}`, 1_000_000 + random.below(1000)],
    () => ["RENAME", `w:${random.below(300)}`, `w:${random.below(300)}`],
  ];
}

/** Changes by the clock, by chance and by scripts: only what has come of them may be told to replicas. */
export function volatileChanges(random: Random): Maker[] {
  return [
    () => ["SET", `v:${random.below(50)}`, "soon gone", "PX", 1 + random.below(300)],
    () => ["GETEX", `w:${random.below(300)}`, "PX", 1 + random.below(1000)],
    () => ["EXPIRE", `t:${random.below(50)}`, random.below(3) - 1],
    () => ["GETDEL", `v:${random.below(50)}`],
    () => ["EVAL", SCRIPT, 2, `script:${random.below(20)}`, `s:${random.below(20)}`],
    () => ["SPOP", `s:${random.below(20)}`, 3],
    () => ["HINCRBYFLOAT", `h:${random.below(20)}`, "float", "0.7"],
    () => ["LMOVE", `l:${random.below(20)}`, `l:${random.below(20)}`, "LEFT", "RIGHT"],
    () => ["SORT", `l:${random.below(20)}`, "ALPHA", "STORE", `sorted:${random.below(5)}`],
    () => ["PFADD", `hll:${random.below(5)}`, random.uint32()],
    () => ["SETBIT", `bits:${random.below(5)}`, random.below(10_000), random.below(2)],
    () => ["GEOADD", `geo:${random.below(5)}`, random.below(170), random.below(80), `m${random.below(100)}`],
    () => ["ZUNIONSTORE", `union:${random.below(5)}`, 2, `z:${random.below(20)}`, `z:${random.below(20)}`],
    () => ["COPY", `h:${random.below(20)}`, `copy:${random.below(20)}`, "REPLACE"],
  ];
}

/** Makes so many changes, the lasting ones and others; gives their number. */
export async function writeAtRandom(
  client: ReferenceClient,
  count: number,
  seed: number,
  others: (random: Random) => Maker[] = () => [],
): Promise<number> {
  const random = createSeededRandom(seed);
  const makers = [...lastingChanges(random), ...others(random)];
  for (let sent = 0; sent < count; ) {
    const batch: CommandArgument[][] = [];
    for (let k = 0; k < BATCH; k++) batch.push((makers[random.below(makers.length)] as Maker)());
    sent += (await client.send(batch)).length;
  }
  return count;
}
