/** Throughput where every write is on the disk before its reply: 50 clients without pipelining, the two servers in turn. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { inTurn, type Pair } from "../in-turn.ts";
import { type MeasuredServer, startKvServer, startRedis } from "../processes.ts";
import type { Row } from "../table.ts";
import type { Workload } from "./workload.ts";

const ROUNDS = 9;
const WRITES = 50_000;
/** Until the engine has compiled what runs often. */
const WARM_UP_WRITES = 200_000;
const ALWAYS = ["--appendonly", "yes", "--appendfsync", "always"] as const;

const run = promisify(execFile);

export const appendAlways: Workload = {
  name: "always",
  about: "appendfsync always, 50 clients: throughput",
  async run(report) {
    const redis = await startRedis(ALWAYS);
    const ours = await startKvServer(ALWAYS);
    try {
      for (const server of [redis, ours]) await writeSeconds(server, WARM_UP_WRITES);
      report(
        row(await inTurn(ROUNDS, { redis: () => writeSeconds(redis, WRITES), ours: () => writeSeconds(ours, WRITES) })),
      );
    } finally {
      redis.stop();
      ours.stop();
    }
  },
};

function row(seconds: Pair<number>): Row {
  return {
    ...{ workload: "appendfsync always, 50 clients", measure: `time for ${WRITES} SETs`, unit: "s", isRatio: true },
    ...{ must: 1, aim: 0.5, ...seconds },
  };
}

async function writeSeconds(server: MeasuredServer, writes: number): Promise<number> {
  const begin = performance.now();
  const words = ["-p", server.port, "-c", 50, "-n", writes, "-r", 100_000, "-d", 32, "-t", "set", "-q"];
  await run("redis-benchmark", words.map(String));
  return (performance.now() - begin) / 1000;
}
