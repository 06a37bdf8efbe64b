/** Resident bytes a key: 5 million keys of 16 bytes with values of 32. */

import { encode, sendAll } from "../load.ts";
import { type MeasuredServer, startKvServer, startRedis } from "../processes.ts";
import type { Workload } from "./workload.ts";

const KEYS = 5_000_000;
const VALUE = "x".repeat(32);

export const keyMemory: Workload = {
  name: "keys",
  about: "5 M keys: resident bytes a key",
  async run(report) {
    const redis = await bytesPerKey(await startRedis());
    const ours = await bytesPerKey(await startKvServer());
    report({
      ...{ workload: "5 M keys, 16 B → 32 B", measure: "resident a key", unit: "B", isRatio: true },
      ...{ must: 0.65, aim: 0.57, redis, ours },
    });
  },
};

async function bytesPerKey(server: MeasuredServer): Promise<number> {
  const before = server.residentBytes();
  await sendAll(server.port, KEYS, (index) => encode("SET", `key:${String(index).padStart(12, "0")}`, VALUE));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const bytes = (server.residentBytes() - before) / KEYS;
  server.stop();
  return bytes;
}
