/**
 * What a save of large values costs others: a string of 510 MB and a hash of 1 M fields, beside small keys that are written
 * all the time, while a client changes the hash.
 */

import { ask, encode, info, sendAll } from "../load.ts";
import { startMeteredKvServer } from "../processes.ts";
import type { Workload } from "./workload.ts";

const STRING_BYTES = 510 << 20;
const FIELDS = 1_000_000;
const SMALL_KEYS = 200_000;
const BATCH = 50;

export const largeValues: Workload = {
  name: "large-values",
  about: "BGSAVE of a 510 MB string and a hash of 1 M fields: stall",
  async run(report) {
    report({
      ...{ workload: "BGSAVE with large values", measure: "longest turn, CPU", unit: "ms", isRatio: false },
      ...{ must: 10, aim: 3, redis: undefined, ours: await longestTurnMs() },
    });
  },
};

async function longestTurnMs(): Promise<number> {
  const server = await startMeteredKvServer();
  try {
    const { port } = server;
    await sendAll(port, 1, () => encode("SETRANGE", "string", STRING_BYTES - 1, "x"), 1);
    await sendAll(port, FIELDS, (index) => encode("HSET", "hash", `field:${index}`, `value:${index}`), BATCH);
    const write = (index: number): string => encode("SET", `key:${index}`, "x".repeat(32));
    await sendAll(port, SMALL_KEYS, write, BATCH);
    await server.longestTurnMs();
    await ask(port, "BGSAVE");
    const change = ask(port, "HSET", "hash", "field:0", "other");
    do await sendAll(port, SMALL_KEYS / 10, write, BATCH);
    while ((await info(port, "rdb_bgsave_in_progress")) !== 0);
    await change;
    return (await server.longestTurnMs()) ?? Number.NaN;
  } finally {
    server.stop();
  }
}
