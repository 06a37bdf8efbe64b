/** The longest wait while the keyspace grows through 16 million keys. */

import { encode, sendAll } from "../load.ts";
import { type Stall, stallDuring, stallRows } from "../probing.ts";
import { type MeasuredServer, startMeteredKvServer, startRedis } from "../processes.ts";
import type { Workload } from "./workload.ts";

const KEYS = 16_000_000;
/** Small, so that the load itself delays the probe little. */
const BATCH = 20;

export const growthStall: Workload = {
  name: "growth",
  about: "growth to 16 M keys: the longest stall",
  async run(report) {
    const redis = await stallOf(await startRedis());
    const ours = await stallOf(await startMeteredKvServer());
    for (const row of stallRows("growth to 16 M keys", redis, ours)) report(row);
  },
};

async function stallOf(server: MeasuredServer): Promise<Stall> {
  const load = (): Promise<void> =>
    sendAll(server.port, KEYS, (index) => encode("SET", `key:${String(index).padStart(12, "0")}`, "value"), BATCH);
  const stall = await stallDuring(server, load);
  server.stop();
  return stall;
}
