/**
 * CLUSTER SLOT-STATS as in Valkey 8: how many keys each slot of this shard holds and, with `cluster-slot-stats-enabled`, what
 * the requests for it have cost this node; by range, or those with the most or least of something.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { Cluster } from "../cluster/cluster.ts";
import { slotsOf } from "../cluster/slot-bitmap.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { clusterOf, slotArgument } from "./cluster-access.ts";
import { defineCommands } from "./command.ts";
import { CommandError, ERRORS, wrongSubcommandArguments } from "./errors.ts";

/** The name of each figure and where it is, in the order of the reply. The first is always there. */
const METRICS: readonly Metric[] = [
  { name: "key-count", of: (cluster, slot) => cluster.countKeysInSlot(slot) },
  { name: "cpu-usec", of: ({ slotUse }, slot) => Math.round(slotUse.cpuUs[slot] as number) },
  { name: "network-bytes-in", of: ({ slotUse }, slot) => slotUse.bytesIn[slot] as number },
  { name: "network-bytes-out", of: ({ slotUse }, slot) => slotUse.bytesOut[slot] as number },
];
const BAD_METRIC = "ERR Unrecognized sort metric for ORDERBY.";
const BAD_LIMIT = "ERR Limit has to lie in between 1 and 16384 (maximum number of slots).";
const REPEATED_FILTER = "ERR Multiple filters of the same type are disallowed.";

interface Metric {
  readonly name: string;
  of(cluster: Cluster, slot: number): number;
}

interface Ordering {
  readonly limit: number;
  readonly isDescending: boolean;
}

export const clusterSlotStatsCommands = defineCommands([
  {
    name: "slot-stats",
    arity: -4,
    flags: ["stale", "loading"],
    tips: ["nondeterministic_output", "request_policy:all_shards"],
    group: "cluster",
    since: "8.0.0",
    complexity: "O(N) in the number of slots asked for, with ORDERBY O(N*log(N)) in the number of slots of the shard",
    summary: "Tells how many keys each slot of this shard holds and what its requests cost.",
    syntax: "<SLOTSRANGE start-slot end-slot | ORDERBY metric [LIMIT limit] [ASC | DESC]>",
    run: slotStats,
  },
]);

function slotStats(call: Call): void {
  if (call.is(2, "slotsrange") && call.argc === 5) {
    const start = slotArgument(call, 3);
    const end = slotArgument(call, 4);
    if (start > end) throw new CommandError(`ERR Start slot number ${start} is greater than end slot number ${end}`);
    replyStats(call, shardSlots(call, start, end));
    return;
  }
  if (!call.is(2, "orderby")) throw new CommandError(wrongSubcommandArguments("cluster", call.text(1)));
  const metric = metrics(call).find(({ name }) => call.is(3, name));
  if (metric === undefined) throw new CommandError(BAD_METRIC);
  replyStats(call, orderedSlots(call, metric, orderingOf(call)));
}

function metrics(call: Call): readonly Metric[] {
  return clusterOf(call).slotUse.isOn ? METRICS : METRICS.slice(0, 1);
}

function orderingOf(call: Call): Ordering {
  let limit: number | undefined;
  let isDescending: boolean | undefined;
  for (let i = 4; i < call.argc; i++) {
    if (call.is(i, "limit") && i + 1 < call.argc) {
      const given = integerArgument(call, ++i, BAD_LIMIT);
      if (given < 1 || given > SLOT_COUNT) throw new CommandError(BAD_LIMIT);
      if (limit !== undefined) throw new CommandError(REPEATED_FILTER);
      limit = given;
    } else if (call.is(i, "asc") || call.is(i, "desc")) {
      if (isDescending !== undefined) throw new CommandError(REPEATED_FILTER);
      isDescending = call.is(i, "desc");
    } else throw new CommandError(ERRORS.syntax);
  }
  return { limit: limit ?? SLOT_COUNT, isDescending: isDescending ?? true };
}

/** The slots of the range that this node or its primary owns. */
function shardSlots(call: Call, start: number, end: number): number[] {
  const { myself } = clusterOf(call).state;
  const { slots } = myself.primary ?? myself;
  return slotsOf(slots).filter((slot) => slot >= start && slot <= end);
}

/** Of slots with as much the lower one comes first, whichever the direction. */
function orderedSlots(call: Call, metric: Metric, { limit, isDescending }: Ordering): number[] {
  const cluster = clusterOf(call);
  const sign = isDescending ? -1 : 1;
  return shardSlots(call, 0, SLOT_COUNT - 1)
    .map((slot) => ({ slot, amount: metric.of(cluster, slot) }))
    .sort((a, b) => sign * (a.amount - b.amount) || a.slot - b.slot)
    .slice(0, limit)
    .map(({ slot }) => slot);
}

function replyStats(call: Call, slots: readonly number[]): void {
  const { reply } = call;
  const [cluster, shown] = [clusterOf(call), metrics(call)];
  reply.array(slots.length);
  for (const slot of slots) {
    reply.array(2);
    reply.integer(slot);
    reply.map(shown.length);
    for (const { name, of } of shown) {
      reply.bulkString(name);
      reply.integer(of(cluster, slot));
    }
  }
}
