/** What compaction gives back: 2 M keys of mixed sizes, rewritten shorter, 60 % deleted, then MEMORY PURGE. */

import { ask, encode, info, sendAll } from "../load.ts";
import { stallDuring, stallRows } from "../probing.ts";
import { type MeasuredServer, startMeteredKvServer } from "../processes.ts";
import type { Workload } from "./workload.ts";

const KEYS = 2_000_000;
const LONGEST_MS = 60_000;
const MIB = 2 ** 20;

export const compaction: Workload = {
  name: "compaction",
  about: "resident memory after 60 % of the keys are deleted and MEMORY PURGE, and its longest stall",
  async run(report) {
    const server = await startMeteredKvServer();
    try {
      const empty = server.residentBytes();
      await fragment(server);
      const before = (server.residentBytes() - empty) / MIB;
      const stall = await stallDuring(server, () => purge(server));
      const after = (server.residentBytes() - empty) / MIB;
      report({
        ...{ workload: "compaction of 0.8 M of 2 M keys", measure: `resident, of ${before.toFixed(0)}`, unit: "MiB" },
        ...{
          isRatio: false,
          must: Math.round(before * 0.6),
          aim: Math.round(before * 0.5),
          redis: undefined,
          ours: after,
        },
      });
      for (const row of stallRows("compaction of 0.8 M of 2 M keys", undefined, stall)) report(row);
    } finally {
      server.stop();
    }
  },
};

const key = (index: number): string => `key:${String(index).padStart(12, "0")}`;

async function fragment({ port }: MeasuredServer): Promise<void> {
  await sendAll(port, KEYS, (index) => encode("SET", key(index), "x".repeat(1 + ((index * 7919) % 200))));
  await sendAll(port, KEYS, (index) => encode("SET", key(index), "x".repeat(1 + ((index * 104_729) % 40))));
  await sendAll(port, KEYS * 0.6, (index) => encode("DEL", key(Math.floor((index * 5) / 3))));
}

async function purge({ port }: MeasuredServer): Promise<void> {
  await ask(port, "MEMORY", "PURGE");
  const end = Date.now() + LONGEST_MS;
  do await new Promise((resolve) => setTimeout(resolve, 200));
  while (Date.now() < end && (await info(port, "active_defrag_running")) > 0);
  // The last chunks go by another thread.
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
