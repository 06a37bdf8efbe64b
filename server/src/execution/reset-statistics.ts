/** CONFIG RESETSTAT. */

import type { ServerContext } from "../commands/context.ts";
import type { MeteredUsage } from "./server-facts.ts";

/** `commands`: processed since the start. */
export function resetStatistics(context: ServerContext, usage: MeteredUsage, commands: number): void {
  const { table, keyspace, clients, replication, accessControl } = context;
  for (const counted of [table, keyspace, clients, replication, accessControl]) counted.resetStatistics();
  usage.errors.reset();
  usage.commandsAtReset = commands;
  usage.commandRate.reset(commands);
  for (const count of ["inputBytes", "outputBytes", "reads", "writes"] as const) usage.traffic[count] = 0;
  const { inputRate, outputRate, replicationInputRate, replicationOutputRate } = usage;
  for (const rate of [inputRate, outputRate, replicationInputRate, replicationOutputRate]) rate.reset(0);
  replication.resetStatistics();
  context.cluster?.slotUse.resetStatistics();
}
