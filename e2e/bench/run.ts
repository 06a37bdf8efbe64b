/**
 * The benchmark: every part that is asked for (none: all) beside redis-server in the same run, as rows of the table of
 * targets. Exits with 1 if a limit is broken. "cpu", or names of commands, measure CPU time of requests (request-cpu.ts).
 */

import { measureRequests } from "./request-cpu.ts";
import { header, line, verdict } from "./table.ts";
import { appendAlways } from "./workloads/append-always.ts";
import { compaction } from "./workloads/compaction.ts";
import { encryptedRequests, trackedRequests } from "./workloads/connection-cost.ts";
import { deleteStall } from "./workloads/delete-stall.ts";
import { emptyServer } from "./workloads/empty-server.ts";
import { growthStall } from "./workloads/growth-stall.ts";
import { keyMemory } from "./workloads/key-memory.ts";
import { largeValues } from "./workloads/large-values.ts";
import { mixedLatency } from "./workloads/mixed-latency.ts";
import { snapshot } from "./workloads/snapshot.ts";
import { structureMemory } from "./workloads/structure-memory.ts";
import type { Workload } from "./workloads/workload.ts";

const WORKLOADS: readonly Workload[] = [
  emptyServer,
  keyMemory,
  structureMemory,
  growthStall,
  deleteStall,
  compaction,
  mixedLatency,
  snapshot,
  largeValues,
  appendAlways,
  encryptedRequests,
  trackedRequests,
];

async function main(): Promise<number> {
  const wanted = process.argv.slice(2);
  const parts = WORKLOADS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const commands = wanted.filter((name) => name !== "cpu" && !WORKLOADS.some((workload) => workload.name === name));
  let broken = 0;
  if (wanted.length === 0 || wanted.includes("cpu") || commands.length > 0) broken += await measureRequests(commands);
  if (parts.length > 0) print(header());
  for (const part of parts) {
    await part.run((row) => {
      if (verdict(row) === "BROKEN") broken++;
      print(line(row));
    });
  }
  return broken === 0 ? 0 : 1;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await main();
