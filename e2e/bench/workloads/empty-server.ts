/** What a server without data costs, and how soon it answers. */

import { ask } from "../load.ts";
import { startKvServer, startRedis } from "../processes.ts";
import type { Workload } from "./workload.ts";

const ROUNDS = 3;
const MIB = 2 ** 20;

export const emptyServer: Workload = {
  name: "empty",
  about: "an empty server: resident memory, time to the first reply",
  async run(report) {
    const redis = await measure(startRedis);
    const ours = await measure(startKvServer);
    report({
      ...{ workload: "empty server", measure: "resident", unit: "MiB", isRatio: false, must: 90, aim: 60 },
      ...{ redis: redis.residentBytes / MIB, ours: ours.residentBytes / MIB },
    });
    report({
      ...{
        workload: "empty server",
        measure: "start to first reply",
        unit: "ms",
        isRatio: false,
        must: 400,
        aim: 200,
      },
      ...{ redis: redis.startMs, ours: ours.startMs },
    });
  },
};

/** The best of some starts: the first one of all fills caches. */
async function measure(start: typeof startRedis): Promise<{ startMs: number; residentBytes: number }> {
  let startMs = Number.POSITIVE_INFINITY;
  let residentBytes = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    const server = await start();
    await ask(server.port, "PING");
    startMs = Math.min(startMs, performance.now() - begin);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    residentBytes = Math.min(residentBytes, server.residentBytes());
    server.stop();
  }
  return { startMs, residentBytes };
}
