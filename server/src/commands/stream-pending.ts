/** XPENDING, XCLAIM and XAUTOCLAIM: looking at entries that were not acknowledged, and giving them to another consumer. */

import type { StreamId } from "../memory/stream-id.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, cString, ERRORS } from "./errors.ts";
import {
  consumerArgument,
  groupArgument,
  insertArrayHeader,
  openStream,
  replyId,
  replyInt64,
} from "./stream-access.ts";
import { autoclaim, claim } from "./stream-claims.ts";

export const streamPendingCommands = defineCommands([
  {
    name: "xpending",
    arity: -3,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "stream",
    tips: ["nondeterministic_output"],
    since: "5.0.0",
    complexity: "O(N) in the number of entries looked at; without a range in the number of consumers",
    summary: "Tells which entries are pending for the consumers of a group.",
    syntax: "key group [[IDLE min-idle-time:integer] start:string end:string count [consumer]]",
    run: pending,
  },
  {
    name: "xclaim",
    arity: -6,
    flags: ["write", "fast"],
    keys: oneKey("RW", "update"),
    group: "stream",
    tips: ["nondeterministic_output"],
    since: "5.0.0",
    complexity: "O(log N) for each id, N being the pending entries of the group",
    summary: "Gives pending entries to another consumer.",
    syntax:
      "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
    run: claim,
  },
  {
    name: "xautoclaim",
    arity: -6,
    flags: ["write", "fast"],
    keys: oneKey("RW", "delete"),
    group: "stream",
    tips: ["nondeterministic_output"],
    since: "6.2.0",
    complexity: "O(1) if the count is small",
    summary: "Gives entries that have been pending for long to another consumer, a number of them at a time.",
    syntax: "key group consumer min-idle-time start:string [COUNT count] [JUSTID]",
    run: autoclaim,
  },
]);

interface PendingRange {
  readonly start: StreamId;
  readonly end: StreamId;
  count: number;
  minIdleMs: number;
  /** Argument with a consumer's name, 0: all consumers. */
  consumer: number;
}

function pending(call: Call): void {
  const { argc } = call;
  if (argc !== 3 && (argc < 6 || argc > 9)) throw new CommandError(ERRORS.syntax);
  const range = argc === 3 ? undefined : readRange(call);
  const group = openStream(call, 1) ? groupArgument(call, 2) : 0;
  if (group === 0) {
    const names = `'${cString(call.text(1))}' or consumer group '${cString(call.text(2))}'`;
    throw new CommandError(`NOGROUP No such key ${names}`);
  }
  if (range === undefined) summary(call, group);
  else pendingEntries(call, group, range);
}

function readRange(call: Call): PendingRange {
  const { reader, start, end } = call.server.streamArguments;
  let at = 3;
  let minIdleMs = 0;
  if (call.is(3, "idle")) {
    minIdleMs = integerArgument(call, 4);
    if (call.argc < 8) throw new CommandError(ERRORS.syntax);
    at = 5;
  }
  const count = Math.max(0, integerArgument(call, at + 2));
  reader.readStart(call, at, start);
  reader.readEnd(call, at + 1, end);
  return { start, end, count, minIdleMs, consumer: at + 3 < call.argc ? at + 3 : 0 };
}

function summary(call: Call, group: number): void {
  const { span, stream } = call.server.collections;
  const { groups } = stream;
  const { reply } = call;
  const { id } = call.server.streamArguments;
  const tree = groups.tree(group);
  reply.array(4);
  reply.integer(groups.pending.count(tree));
  if (groups.pending.count(tree) === 0) {
    reply.nil();
    reply.nil();
    reply.nilArray();
    return;
  }
  groups.pending.seek(tree, id.setZero());
  replyId(call, groups.pending.readId(id));
  groups.pending.seekLast(tree);
  replyId(call, groups.pending.readId(id));
  const start = reply.position;
  let busy = 0;
  for (let k = 0; k < groups.consumerCount(group); k++) {
    const consumer = groups.consumerAt(group, k);
    const count = groups.ownPending.count(groups.ownTree(consumer));
    if (count === 0) continue;
    busy++;
    reply.array(2);
    groups.names.readName(consumer, span);
    reply.bulk(span.buffer, span.offset, span.length);
    reply.bulkInteger(count);
  }
  insertArrayHeader(call, start, busy);
}

function pendingEntries(call: Call, group: number, range: PendingRange): void {
  const { stream } = call.server.collections;
  const { groups } = stream;
  const { id } = call.server.streamArguments;
  const consumer = range.consumer === 0 ? 0 : consumerArgument(call, group, range.consumer);
  if (range.consumer !== 0 && consumer === 0) {
    call.reply.array(0);
    return;
  }
  const trees = consumer === 0 ? groups.pending : groups.ownPending;
  const tree = consumer === 0 ? groups.tree(group) : groups.ownTree(consumer);
  const start = call.reply.position;
  let replied = 0;
  for (let more = trees.seek(tree, range.start); more && replied < range.count; more = trees.next(tree)) {
    if (trees.readId(id).compare(range.end) > 0) break;
    if (consumer !== 0) groups.findPending(group, id);
    const idleMs = call.nowMs - groups.deliveryMs;
    if (range.minIdleMs !== 0 && idleMs < range.minIdleMs) continue;
    replyPending(call, group, idleMs);
    replied++;
  }
  insertArrayHeader(call, start, replied);
}

/** The pending entry that the cursor of the group's tree is on. */
function replyPending(call: Call, group: number, idleMs: number): void {
  const { span, stream } = call.server.collections;
  const { groups } = stream;
  const { id, integer } = call.server.streamArguments;
  call.reply.array(4);
  replyId(call, groups.pending.readId(id));
  groups.names.readName(groups.pendingConsumer(group), span);
  call.reply.bulk(span.buffer, span.offset, span.length);
  call.reply.integer(Math.max(0, idleMs));
  replyInt64(call, groups.readDeliveries(integer));
}
