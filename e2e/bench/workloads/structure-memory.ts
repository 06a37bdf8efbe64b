/** Bytes of large collections, and of many small ones, as the servers count them in used_memory. */

import { encode, info, sendAll } from "../load.ts";
import { type MeasuredServer, startKvServer, startRedis } from "../processes.ts";
import type { Workload } from "./workload.ts";

const MILLION = 1_000_000;
const BATCH = 200;
const VALUE = "x".repeat(16);

interface Structure {
  readonly name: string;
  readonly command: (index: number) => string;
  readonly must: number;
  readonly aim: number;
}

const element = (index: number): string => `element:${String(index).padStart(12, "0")}`;
const tenFields = Array.from({ length: 10 }, (_, field) => [`field${field}`, `value${field}`]).flat();

const STRUCTURES: readonly Structure[] = [
  { name: "set of 1 M", command: (index) => encode("SADD", "key", element(index)), must: 0.7, aim: 0.57 },
  {
    name: "sorted set of 1 M",
    command: (index) => encode("ZADD", "key", ((index * 7919) % MILLION) / 7, element(index)),
    must: 0.65,
    aim: 0.53,
  },
  { name: "hash of 1 M", command: (index) => encode("HSET", "key", element(index), VALUE), must: 0.7, aim: 0.58 },
  {
    name: "1 M hashes of 10 fields",
    command: (index) => encode("HSET", `key:${index}`, ...tenFields),
    must: 1,
    aim: 0.9,
  },
  { name: "list of 1 M", command: (index) => encode("RPUSH", "key", `entry:${index}`), must: 1, aim: 0.9 },
  {
    name: "stream of 1 M",
    command: (index) => encode("XADD", "key", `${1_000_000 + index}-0`, "field", `value:${index}`, "other", index),
    must: 1,
    aim: 0.9,
  },
];

export const structureMemory: Workload = {
  name: "structures",
  about: "large collections and many small ones: bytes",
  async run(report) {
    for (const structure of STRUCTURES) {
      const redis = await bytesOf(await startRedis(), structure);
      const ours = await bytesOf(await startKvServer(), structure);
      report({
        ...{ workload: structure.name, measure: "used_memory", unit: "MB", isRatio: true },
        ...{ must: structure.must, aim: structure.aim, redis: redis / 1e6, ours: ours / 1e6 },
      });
    }
  },
};

async function bytesOf(server: MeasuredServer, { command }: Structure): Promise<number> {
  try {
    const before = await info(server.port, "used_memory");
    await sendAll(server.port, MILLION, command, BATCH, linesOf(command));
    return (await info(server.port, "used_memory")) - before;
  } finally {
    server.stop();
  }
}

/** The reply of XADD is the id with its length before it. */
function linesOf(command: (index: number) => string): number {
  return command(0).includes("XADD") ? 2 : 1;
}
