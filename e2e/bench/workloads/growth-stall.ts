/**
 * The longest turn while the keyspace grows through 16 million keys, for minutes on end. The kernel's work for others counts
 * as the thread's, now and then milliseconds: what the server itself does it does in every run, so the median of three is
 * judged, and of what a probe waits the one in a thousand.
 */

import { encode, sendAll } from "../load.ts";
import { median } from "../median.ts";
import { type Stall, stallDuring, turnRow } from "../probing.ts";
import { type MeasuredServer, startMeteredKvServer, startRedis } from "../processes.ts";
import type { Workload } from "./workload.ts";

const KEYS = 16_000_000;
/** Small, so that the load itself delays the probe little. */
const BATCH = 20;
const ROUNDS = 3;
const WAIT_LIMITS = { must: 1.2, aim: 1 } as const;

export const growthStall: Workload = {
  name: "growth",
  about: "growth to 16 M keys: the longest stall",
  async run(report) {
    const [redis, ours]: [Stall[], Stall[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      redis.push(await stallOf(await startRedis()));
      ours.push(await stallOf(await startMeteredKvServer()));
    }
    report(turnRow("growth to 16 M keys", median(ours.map(({ turnMs }) => turnMs))));
    report({
      workload: "growth to 16 M keys",
      measure: "p99.9 wait of a probe",
      unit: "ms",
      isRatio: true,
      ...WAIT_LIMITS,
      redis: median(redis.map(({ p999Ms }) => p999Ms)),
      ours: median(ours.map(({ p999Ms }) => p999Ms)),
    });
  },
};

async function stallOf(server: MeasuredServer): Promise<Stall> {
  const load = (): Promise<void> =>
    sendAll(server.port, KEYS, (index) => encode("SET", `key:${String(index).padStart(12, "0")}`, "value"), BATCH);
  const stall = await stallDuring(server, load);
  server.stop();
  return stall;
}
