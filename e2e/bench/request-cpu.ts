/**
 * CPU time of the server for a request, beside redis-server in the same run, the two alternating: redis-benchmark with 50
 * connections over 100,000 random keys, values of 32 bytes. Prints a table of µs and ratios with the limits they must keep.
 * `ROUNDS` (default 3) runs of each are taken, the least CPU counts: noise only adds. `PIPELINES` limits the depths measured.
 */

import { spawnSync } from "node:child_process";
import { type MeasuredServer, startKvServer, startRedis } from "./processes.ts";

interface Workload {
  readonly name: string;
  readonly command: readonly string[];
  readonly must: Readonly<Record<number, number>>;
  /** What a million requests put there before: once, or before each load that uses it up. */
  readonly fill?: { readonly command: readonly string[]; readonly isUsedUp: boolean };
  /** Different numbers in its commands, where KEYS are too few. */
  readonly range?: number;
  /** Of large requests and replies fewer are sent. */
  readonly share?: number;
}

const PIPELINES = (process.env.PIPELINES ?? "1 16 100").split(" ").map(Number);
const CONNECTIONS = 50;
const KEYS = 100_000;
const VALUE = "x".repeat(32);
const KEY = "key:__rand_int__";
const TEN_PAIRS = Array.from({ length: 10 }, () => [KEY, VALUE]).flat();
const FILL_REQUESTS = 1_000_000;
const FILL_RANGE = 1_000_000_000;
const STRING_LIMITS = { 1: 1.15, 16: 0.85, 100: 0.7 };
const STRUCTURE_LIMITS = { 16: 1.0 };

const WORKLOADS: readonly Workload[] = [
  { name: "SET", command: ["SET", KEY, VALUE], must: STRING_LIMITS },
  { name: "GET", command: ["GET", KEY], must: STRING_LIMITS },
  { name: "MSET", command: ["MSET", ...TEN_PAIRS], must: STRUCTURE_LIMITS, share: 0.2 },
  { name: "INCR", command: ["INCR", "counter:__rand_int__"], must: STRUCTURE_LIMITS },
  {
    name: "EVAL",
    command: ["EVAL", "return redis.call('GET', KEYS[1])", "1", KEY],
    must: { 16: 1.2 },
    share: 0.5,
  },
  { name: "LPUSH", command: ["LPUSH", "list", VALUE], must: STRUCTURE_LIMITS },
  { name: "RPOP", command: ["RPOP", "list"], must: STRUCTURE_LIMITS },
  { name: "SADD", command: ["SADD", "set", "element:__rand_int__"], must: STRUCTURE_LIMITS },
  { name: "HSET", command: ["HSET", "hash", "element:__rand_int__", VALUE], must: STRUCTURE_LIMITS },
  { name: "XADD", command: ["XADD", "stream", "*", "field", VALUE, "other", "value"], must: { 16: 0.85 } },
  {
    name: "ZADD",
    command: ["ZADD", "zset", "__rand_int__", "element:__rand_int__"],
    must: { 16: 0.85 },
    fill: { command: ["ZADD", "zset", "__rand_int__", "element:__rand_int__"], isUsedUp: false },
    range: 1_000_000,
  },
  {
    name: "SPOP",
    command: ["SPOP", "popped"],
    must: STRUCTURE_LIMITS,
    fill: { command: ["SADD", "popped", "element:__rand_int__"], isUsedUp: true },
  },
  {
    name: "ZRANGE",
    command: ["ZRANGE", "ranged", "500000", "500099"],
    must: { 16: 0.85 },
    fill: { command: ["ZADD", "ranged", "__rand_int__", "element:__rand_int__"], isUsedUp: false },
    share: 0.1,
  },
  ...([100, 600] as const).map((count) => ({
    name: `LRANGE_${count}`,
    command: ["LRANGE", "long", "0", String(count - 1)],
    must: STRUCTURE_LIMITS,
    fill: { command: ["LPUSH", "long", VALUE], isUsedUp: false },
    share: 10 / count,
  })),
];

function requestsFor(pipeline: number): number {
  return pipeline === 1 ? 150_000 : pipeline === 16 ? 800_000 : 1_500_000;
}

function load(server: MeasuredServer, workload: Workload, pipeline: number): number {
  const requests = requestsFor(pipeline) * (workload.share ?? 1);
  if (workload.fill?.isUsedUp === true) fill(server, workload.fill.command, requests);
  const before = server.cpuUs();
  send(server, workload.command, { requests, pipeline, range: workload.range ?? KEYS });
  return (server.cpuUs() - before) / requests;
}

/** At least `requests` different elements, as good as all of them. */
function fill(server: MeasuredServer, command: readonly string[], requests: number): void {
  send(server, command, { requests: Math.max(requests, FILL_REQUESTS), pipeline: 100, range: FILL_RANGE });
}

function send(
  server: MeasuredServer,
  command: readonly string[],
  { requests, pipeline, range }: { requests: number; pipeline: number; range: number },
): void {
  const options = ["-p", server.port, "-c", CONNECTIONS, "-n", requests, "-P", pipeline, "-r", range, "-q"].map(String);
  const run = spawnSync("redis-benchmark", [...options, ...command], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`redis-benchmark failed against ${server.name}: ${run.stderr}`);
}

function measure(servers: readonly [MeasuredServer, MeasuredServer], workload: Workload, pipeline: number): number[] {
  const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const rounds = Number(process.env.ROUNDS ?? 3);
  for (let round = 0; round < rounds; round++) {
    for (const [i, server] of servers.entries()) {
      least[i] = Math.min(least[i] as number, load(server, workload, pipeline));
    }
  }
  return least;
}

/** Measures these commands (none: all); gives the number of broken limits. */
export async function measureRequests(names: readonly string[]): Promise<number> {
  const only = names.map((name) => name.toUpperCase());
  const redis = await startRedis();
  const ours = await startKvServer();
  let broken = 0;
  try {
    print(`empty: redis-server ${mib(redis)} MiB resident, kv-server ${mib(ours)} MiB`);
    print("workload   pipeline   redis µs   ours µs   ratio   must");
    for (const workload of WORKLOADS) {
      if (only.length > 0 && !only.includes(workload.name)) continue;
      if (workload.fill?.isUsedUp === false) for (const server of [redis, ours]) fill(server, workload.fill.command, 0);
      for (const pipeline of PIPELINES) {
        const [theirs = 0, own = 0] = measure([redis, ours], workload, pipeline);
        const ratio = own / theirs;
        const must = workload.must[pipeline];
        if (must !== undefined && ratio > must) broken++;
        const cells = [theirs.toFixed(2).padStart(8), own.toFixed(2).padStart(9), ratio.toFixed(2).padStart(7)];
        const limit = must === undefined ? "" : `≤ ${must}${ratio > must ? "  BROKEN" : ""}`;
        print(`${workload.name.padEnd(10)} ${String(pipeline).padStart(8)}   ${cells.join(" ")}   ${limit}`);
      }
    }
  } finally {
    redis.stop();
    ours.stop();
  }
  return broken;
}

function mib(server: MeasuredServer): string {
  return (server.residentBytes() / 2 ** 20).toFixed(0);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
