/**
 * CPU time of the server for a request, beside redis-server in the same run, the two alternating: redis-benchmark with 50
 * connections over 100,000 random keys, values of 32 bytes. Prints a table of µs and ratios with the limits they must keep,
 * and exits with 1 if one is broken. `ROUNDS` (default 3) runs of each are taken, the least CPU counts: noise only adds.
 */

import { spawnSync } from "node:child_process";
import { type MeasuredServer, startKvServer, startRedis } from "./processes.ts";

interface Workload {
  readonly name: string;
  readonly command: readonly string[];
  readonly must: Readonly<Record<number, number>>;
}

const PIPELINES = [1, 16, 100] as const;
const CONNECTIONS = 50;
const KEYS = 100_000;
const VALUE = "x".repeat(32);
const KEY = "key:__rand_int__";
const STRING_LIMITS = { 1: 1.15, 16: 0.85, 100: 0.7 };
const STRUCTURE_LIMITS = { 16: 1.0 };

const WORKLOADS: readonly Workload[] = [
  { name: "SET", command: ["SET", KEY, VALUE], must: STRING_LIMITS },
  { name: "GET", command: ["GET", KEY], must: STRING_LIMITS },
  { name: "INCR", command: ["INCR", "counter:__rand_int__"], must: STRUCTURE_LIMITS },
  { name: "LPUSH", command: ["LPUSH", "list", VALUE], must: STRUCTURE_LIMITS },
  { name: "RPOP", command: ["RPOP", "list"], must: STRUCTURE_LIMITS },
  { name: "SADD", command: ["SADD", "set", "element:__rand_int__"], must: STRUCTURE_LIMITS },
  { name: "HSET", command: ["HSET", "hash", "element:__rand_int__", VALUE], must: STRUCTURE_LIMITS },
  { name: "ZADD", command: ["ZADD", "zset", "0", "element:__rand_int__"], must: { 16: 0.85 } },
];

function requestsFor(pipeline: number): number {
  return pipeline === 1 ? 150_000 : pipeline === 16 ? 800_000 : 1_500_000;
}

function load(server: MeasuredServer, command: readonly string[], pipeline: number): number {
  const requests = requestsFor(pipeline);
  const options = ["-p", server.port, "-c", CONNECTIONS, "-n", requests, "-P", pipeline, "-r", KEYS, "-q"].map(String);
  const before = server.cpuUs();
  const run = spawnSync("redis-benchmark", [...options, ...command], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`redis-benchmark failed against ${server.name}: ${run.stderr}`);
  return (server.cpuUs() - before) / requests;
}

function measure(servers: readonly [MeasuredServer, MeasuredServer], workload: Workload, pipeline: number): number[] {
  const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const rounds = Number(process.env.ROUNDS ?? 3);
  for (let round = 0; round < rounds; round++) {
    for (const [i, server] of servers.entries()) {
      least[i] = Math.min(least[i] as number, load(server, workload.command, pipeline));
    }
  }
  return least;
}

async function main(): Promise<number> {
  const only = process.argv.slice(2).map((name) => name.toUpperCase());
  const redis = await startRedis();
  const ours = await startKvServer();
  let broken = 0;
  try {
    print(`empty: redis-server ${mib(redis)} MiB resident, kv-server ${mib(ours)} MiB`);
    print("workload   pipeline   redis µs   ours µs   ratio   must");
    for (const workload of WORKLOADS) {
      if (only.length > 0 && !only.includes(workload.name)) continue;
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
  return broken === 0 ? 0 : 1;
}

function mib(server: MeasuredServer): string {
  return (server.residentBytes() / 2 ** 20).toFixed(0);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
