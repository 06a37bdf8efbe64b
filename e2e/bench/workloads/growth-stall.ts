/** The longest wait while the keyspace grows through 16 million keys. */

import { encode, sendAll } from "../load.ts";
import { probeDuring } from "../probing.ts";
import { type MeasuredServer, startKvServer, startRedis } from "../processes.ts";
import type { Workload } from "./workload.ts";

const KEYS = 16_000_000;
/** Small, so that the load itself delays the probe little. */
const BATCH = 20;

export const growthStall: Workload = {
  name: "growth",
  about: "growth to 16 M keys: the longest stall",
  async run(report) {
    const redis = await longestMs(await startRedis());
    const ours = await longestMs(await startKvServer());
    report({
      ...{ workload: "growth to 16 M keys", measure: "longest stall", unit: "ms", isRatio: false },
      ...{ must: 5, aim: 1, redis, ours },
    });
  },
};

async function longestMs(server: MeasuredServer): Promise<number> {
  const load = (): Promise<void> =>
    sendAll(server.port, KEYS, (index) => encode("SET", `key:${String(index).padStart(12, "0")}`, "value"), BATCH);
  const { longestMs: longest } = await probeDuring(server.port, load);
  server.stop();
  return longest;
}
