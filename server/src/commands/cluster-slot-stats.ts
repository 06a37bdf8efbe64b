/**
 * CLUSTER SLOT-STATS as in Valkey 8 with its default settings: how many keys each slot of this shard holds, by range or as
 * the fullest or emptiest. Processor time and network traffic of slots are not measured.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { slotsOf } from "../cluster/slot-bitmap.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { clusterOf, slotArgument } from "./cluster-access.ts";
import { defineCommands } from "./command.ts";
import { CommandError, ERRORS, wrongSubcommandArguments } from "./errors.ts";

const KEY_COUNT = "key-count";
const BAD_METRIC = "ERR Unrecognized sort metric for ORDERBY.";
const BAD_LIMIT = "ERR Limit has to lie in between 1 and 16384 (maximum number of slots).";
const REPEATED_FILTER = "ERR Multiple filters of the same type are disallowed.";

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
    summary: "Counts the keys of each slot of this shard.",
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
  if (!call.is(3, KEY_COUNT)) throw new CommandError(BAD_METRIC);
  replyStats(call, orderedSlots(call, orderingOf(call)));
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

/** Of slots with as many keys the lower one comes first, whichever the direction. */
function orderedSlots(call: Call, { limit, isDescending }: Ordering): number[] {
  const cluster = clusterOf(call);
  const sign = isDescending ? -1 : 1;
  return shardSlots(call, 0, SLOT_COUNT - 1)
    .map((slot) => ({ slot, keys: cluster.countKeysInSlot(slot) }))
    .sort((a, b) => sign * (a.keys - b.keys) || a.slot - b.slot)
    .slice(0, limit)
    .map(({ slot }) => slot);
}

function replyStats(call: Call, slots: readonly number[]): void {
  const { reply } = call;
  reply.array(slots.length);
  for (const slot of slots) {
    reply.array(2);
    reply.integer(slot);
    reply.map(1);
    reply.bulkString(KEY_COUNT);
    reply.integer(clusterOf(call).countKeysInSlot(slot));
  }
}
