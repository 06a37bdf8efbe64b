/** XINFO: what is known of a stream, its groups and their consumers. */

import { Int64 } from "../memory/int64.ts";
import { StreamId } from "../memory/stream-id.ts";
import type { StreamValue } from "../values/stream.ts";
import { radixNodes } from "../values/stream-radix.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, keyAt } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, cString, ERRORS, wrongSubcommandArguments } from "./errors.ts";
import {
  groupArgument,
  insertArrayHeader,
  openStream,
  replyEntries,
  replyEntry,
  replyId,
  replyInt64,
} from "./stream-access.ts";

const KEY = 2;
const DEFAULT_COUNT = 10;
const SUBCOMMAND = {
  flags: ["readonly"],
  keys: [keyAt(KEY, "RO", "access")],
  group: "stream",
  since: "5.0.0",
} as const;

export const streamInfoCommands = defineCommands([
  {
    name: "xinfo",
    arity: -2,
    flags: [],
    group: "stream",
    since: "5.0.0",
    complexity: "Depends on the subcommand",
    summary: "Looks into streams.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("xinfo", "stream", "5.0.0", [
      {
        ...SUBCOMMAND,
        name: "consumers",
        arity: 4,
        tips: ["nondeterministic_output"],
        complexity: "O(1)",
        summary: "Lists the consumers of a group.",
        syntax: "key group",
        run: consumers,
      },
      {
        ...SUBCOMMAND,
        name: "groups",
        arity: 3,
        complexity: "O(1)",
        summary: "Lists the groups of a stream.",
        syntax: "key",
        run: groups,
      },
      {
        ...SUBCOMMAND,
        name: "stream",
        arity: -3,
        complexity: "O(N) in the number of blocks",
        summary: "Tells about a stream, and in full what is in it.",
        syntax: "key [FULL [COUNT count]]",
        run: streamInfo,
      },
    ]),
  },
]);

function requireStream(call: Call): StreamValue {
  if (!openStream(call, KEY)) throw new CommandError(ERRORS.noSuchKey);
  return call.server.collections.stream;
}

function consumers(call: Call): void {
  const stream = requireStream(call);
  const group = groupArgument(call, 3);
  if (group === 0) {
    const names = `'${cString(call.text(3))}' for key name '${cString(call.text(KEY))}'`;
    throw new CommandError(`NOGROUP No such consumer group ${names}`);
  }
  const { groups: all } = stream;
  const { reply } = call;
  const count = all.consumerCount(group);
  reply.array(count);
  for (let k = 0; k < count; k++) {
    const consumer = all.consumerAt(group, k);
    const activeMs = all.activeMs(consumer);
    reply.map(4);
    replyName(call, consumer);
    reply.bulkString("pending");
    reply.integer(all.ownPending.count(all.ownTree(consumer)));
    reply.bulkString("idle");
    reply.integer(Math.max(0, call.nowMs - all.seenMs(consumer)));
    reply.bulkString("inactive");
    reply.integer(activeMs < 0 ? -1 : Math.max(0, call.nowMs - activeMs));
  }
}

function groups(call: Call): void {
  const stream = requireStream(call);
  const { groups: all } = stream;
  const { reply } = call;
  reply.array(stream.groupCount);
  for (let k = 0; k < stream.groupCount; k++) {
    const group = stream.groupAt(k);
    reply.map(6);
    replyName(call, group);
    reply.bulkString("consumers");
    reply.integer(all.consumerCount(group));
    reply.bulkString("pending");
    reply.integer(all.pending.count(all.tree(group)));
    replyProgress(call, stream, group);
  }
}

function replyName(call: Call, record: number): void {
  const { span, stream } = call.server.collections;
  call.reply.bulkString("name");
  stream.groups.names.readName(record, span);
  call.reply.bulk(span.buffer, span.offset, span.length);
}

/** How far a group has come: last id, entries read, and how many are left to read. */
function replyProgress(call: Call, stream: StreamValue, group: number): void {
  const { reply } = call;
  const last = stream.groups.readLastId(group, new StreamId());
  const read = stream.groups.readEntriesRead(group, new Int64());
  reply.bulkString("last-delivered-id");
  replyId(call, last);
  reply.bulkString("entries-read");
  const isKnown = read.toBigInt() !== -1n;
  if (isKnown) replyInt64(call, read);
  else reply.nil();
  reply.bulkString("lag");
  const added = stream.readAdded(new Int64()).toBigInt();
  if (added === 0n) reply.integer(0);
  else if ((isKnown && !stream.hasTombstonesFrom(last)) || stream.entriesUpTo(last, read)) {
    read.setBigInt(BigInt.asIntN(64, added - read.toBigInt()));
    replyInt64(call, read);
  } else reply.nil();
}

function streamInfo(call: Call): void {
  const isFull = call.argc > 3;
  let count = DEFAULT_COUNT;
  const stream = requireStream(call);
  if (isFull) {
    const isGood = (call.argc === 4 || (call.argc === 6 && call.is(4, "count"))) && call.is(3, "full");
    if (!isGood) throw new CommandError(wrongSubcommandArguments("xinfo", call.text(1)));
    if (call.argc === 6) count = integerArgument(call, 5);
    if (count < 0) count = DEFAULT_COUNT;
  }
  replyFacts(call, stream, isFull);
  if (isFull) replyContent(call, stream, count);
  else replyEnds(call, stream);
}

function replyFacts(call: Call, stream: StreamValue, isFull: boolean): void {
  const { reply } = call;
  const { id, integer } = call.server.streamArguments;
  reply.map(isFull ? 9 : 10);
  reply.bulkString("length");
  reply.integer(stream.count);
  reply.bulkString("radix-tree-keys");
  reply.integer(stream.blocks.blockCount(stream.ring));
  reply.bulkString("radix-tree-nodes");
  reply.integer(radixNodes(stream));
  reply.bulkString("last-generated-id");
  replyId(call, stream.readLastId(id));
  reply.bulkString("max-deleted-entry-id");
  replyId(call, stream.readMaxDeleted(id));
  reply.bulkString("entries-added");
  replyInt64(call, stream.readAdded(integer));
  reply.bulkString("recorded-first-entry-id");
  replyId(call, stream.readFirstId(id));
}

function replyEnds(call: Call, stream: StreamValue): void {
  const { reply } = call;
  const { id } = call.server.streamArguments;
  reply.bulkString("groups");
  reply.integer(stream.groupCount);
  reply.bulkString("first-entry");
  if (stream.readFirstEntry(id)) replyEntry(call, stream.cursor);
  else reply.nil();
  reply.bulkString("last-entry");
  if (stream.readLastEntry(id)) replyEntry(call, stream.cursor);
  else reply.nil();
}

function replyContent(call: Call, stream: StreamValue, count: number): void {
  const { reply } = call;
  const { start, end } = call.server.streamArguments;
  reply.bulkString("entries");
  stream.seek(start.setZero(), end.setLargest());
  replyEntries(call, stream, count);
  reply.bulkString("groups");
  reply.array(stream.groupCount);
  const { groups: all } = stream;
  for (let k = 0; k < stream.groupCount; k++) {
    const group = stream.groupAt(k);
    reply.map(7);
    replyName(call, group);
    replyProgress(call, stream, group);
    reply.bulkString("pel-count");
    reply.integer(all.pending.count(all.tree(group)));
    reply.bulkString("pending");
    replyPending(call, stream, group, count);
    reply.bulkString("consumers");
    reply.array(all.consumerCount(group));
    for (let c = 0; c < all.consumerCount(group); c++)
      replyConsumer(call, stream, group, all.consumerAt(group, c), count);
  }
}

function replyPending(call: Call, stream: StreamValue, group: number, count: number): void {
  const { groups: all } = stream;
  const { span } = call.server.collections;
  const { id, integer } = call.server.streamArguments;
  const { reply } = call;
  const start = reply.position;
  let replied = 0;
  const tree = all.tree(group);
  for (let more = all.pending.seek(tree, id.setZero()); more; more = all.pending.next(tree)) {
    if (count !== 0 && replied === count) break;
    reply.array(4);
    replyId(call, all.pending.readId(id));
    all.names.readName(all.pendingConsumer(group), span);
    reply.bulk(span.buffer, span.offset, span.length);
    reply.integer(all.deliveryMs);
    replyInt64(call, all.readDeliveries(integer));
    replied++;
  }
  insertArrayHeader(call, start, replied);
}

function replyConsumer(call: Call, stream: StreamValue, group: number, consumer: number, count: number): void {
  const { groups: all } = stream;
  const { reply } = call;
  const { id, integer } = call.server.streamArguments;
  reply.map(5);
  replyName(call, consumer);
  reply.bulkString("seen-time");
  reply.integer(all.seenMs(consumer));
  reply.bulkString("active-time");
  reply.integer(all.activeMs(consumer));
  reply.bulkString("pel-count");
  const own = all.ownTree(consumer);
  reply.integer(all.ownPending.count(own));
  reply.bulkString("pending");
  const start = reply.position;
  let replied = 0;
  for (let more = all.ownPending.seek(own, id.setZero()); more; more = all.ownPending.next(own)) {
    if (count !== 0 && replied === count) break;
    all.findPending(group, all.ownPending.readId(id));
    reply.array(3);
    replyId(call, id);
    reply.integer(all.deliveryMs);
    replyInt64(call, all.readDeliveries(integer));
    replied++;
  }
  insertArrayHeader(call, start, replied);
}
