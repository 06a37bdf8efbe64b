/**
 * Streams: adding, counting, deleting and trimming entries. Replicas get the id that an entry was given here, and exact
 * trims. XADD is hot: it allocates nothing unless it trims approximately or somebody follows the changes.
 */

import { EventClass } from "../keyspace/event-classes.ts";
import type { StreamId } from "../memory/stream-id.ts";
import type { StreamValue } from "../values/stream.ts";
import { MAX_BLOCK_BYTES } from "../values/stream-blocks.ts";
import { integerArgument, parseInt64 } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, ERRORS, wrongArity } from "./errors.ts";
import { createStream, openStream, openStreamForWrite, replyId, streamReady } from "./stream-access.ts";
import { strictIds } from "./stream-ids.ts";
import type { TrimArguments } from "./stream-trimming.ts";

export const streamCommands = defineCommands([
  {
    name: "xadd",
    arity: -5,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "update"),
    group: "stream",
    tips: ["nondeterministic_output"],
    since: "5.0.0",
    complexity: "O(1), and O(N) in the number of entries that a trim removes",
    summary: "Adds an entry to a stream, which is made if it is not there.",
    syntax:
      "key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]",
    run: xadd,
  },
  {
    name: "xlen",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "stream",
    since: "5.0.0",
    complexity: "O(1)",
    summary: "Gives the number of entries of a stream.",
    syntax: "key",
    run(call) {
      call.reply.integer(openStream(call, 1) ? call.server.collections.stream.count : 0);
    },
  },
  {
    name: "xdel",
    arity: -3,
    flags: ["write", "fast"],
    keys: oneKey("RW", "delete"),
    group: "stream",
    since: "5.0.0",
    complexity: "O(1) for each entry",
    summary: "Deletes entries by their ids; gives how many there were.",
    syntax: "key id [id ...]",
    run: xdel,
  },
  {
    name: "xtrim",
    arity: -4,
    flags: ["write"],
    keys: oneKey("RW", "delete"),
    group: "stream",
    tips: ["nondeterministic_output"],
    since: "5.0.0",
    complexity: "O(N) in the number of entries removed",
    summary: "Removes the oldest entries down to a length or up to an id.",
    syntax: "key <<MAXLEN | MINID> [= | ~] threshold [LIMIT count]>",
    run: xtrim,
  },
  {
    name: "xsetid",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "update"),
    group: "stream",
    since: "5.0.0",
    complexity: "O(1)",
    summary: "Sets what a stream knows of its ids; for servers that rebuild one.",
    syntax: "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
    run: xsetid,
  },
]);

function xadd(call: Call): void {
  const { trim, id } = call.server.streamArguments;
  const { stream } = call.server.collections;
  const idAt = trim.read(call, true);
  const first = idAt + 1;
  const words = call.argc - first;
  if (words < 2 || (words & 1) === 1) throw new CommandError(wrongArity("xadd"));
  if (trim.isIdGiven && !trim.isSequenceOpen && trim.id.isZero) {
    throw new CommandError("ERR The ID specified in XADD must be greater than 0-0");
  }
  const isThere = openStreamForWrite(call, 1);
  if (!isThere && trim.noMakeStream) {
    call.reply.nil();
    return;
  }
  if (isThere) {
    if (stream.readLastId(id).isLargest) {
      throw new CommandError("ERR The stream has exhausted the last possible ID, unable to add more items");
    }
  } else id.setZero();
  chooseId(call, trim, id);
  if (payloadOf(call, first) > MAX_BLOCK_BYTES) throw new CommandError("ERR Elements are too large to be stored");
  if (!isThere) createStream(call, 1);
  stream.append(id, call, first, words >>> 1);
  replyId(call, id);
  call.signalModified(1);
  streamReady(call, 1);
  call.notify(EventClass.stream, "xadd", 1);
  if (trim.strategy !== "none" && stream.trim(trim) > 0) call.notify(EventClass.stream, "xtrim", 1);
  if (!trim.isIdGiven || trim.isSequenceOpen || trim.isApproximate) propagateAdd(call, trim, id, first);
}

/** Turns the last id of the stream into the new one. */
function chooseId(call: Call, trim: TrimArguments, id: StreamId): void {
  const wanted = trim.id;
  if (!trim.isIdGiven) {
    wanted.setTime(call.nowMs);
    if (wanted.compareParts(id.msHigh, id.msLow, 0, 0) > 0) id.copy(wanted);
    else id.increment();
    return;
  }
  if (trim.isSequenceOpen && wanted.msHigh === id.msHigh && wanted.msLow === id.msLow) {
    if ((id.seqHigh & id.seqLow) !== -1) {
      id.increment();
      return;
    }
  } else if (wanted.compare(id) > 0) {
    id.copy(wanted);
    return;
  }
  throw new CommandError("ERR The ID specified in XADD is equal or smaller than the target stream top item");
}

function payloadOf(call: Call, first: number): number {
  let bytes = 0;
  for (let k = first; k < call.argc; k++) bytes += call.length[k] as number;
  return bytes;
}

/** Nobody follows the changes, mostly: then nothing is prepared. */
function propagateAdd(call: Call, trim: TrimArguments, id: StreamId, first: number): void {
  if (!call.isPropagated) return;
  const { stream } = call.server.collections;
  const words = trim.noMakeStream ? ["NOMKSTREAM"] : [];
  const pairs = call.copies(first, call.argc);
  call.propagateWords(["XADD", call.copy(1), ...words, ...trim.exactly(stream), String(id), ...pairs]);
}

function xdel(call: Call): void {
  const { stream } = call.server.collections;
  if (!openStreamForWrite(call, 1)) {
    call.reply.integer(0);
    return;
  }
  let deleted = 0;
  for (const id of strictIds(call, 2, call.argc, call.server.streamArguments.reader)) if (stream.delete(id)) deleted++;
  if (deleted > 0) {
    call.signalModified(1);
    call.server.keyspace.dirty += deleted - 1;
    call.notify(EventClass.stream, "xdel", 1);
  }
  call.reply.integer(deleted);
}

function xtrim(call: Call): void {
  const { trim } = call.server.streamArguments;
  trim.read(call, false);
  const deleted = openStreamForWrite(call, 1) ? call.server.collections.stream.trim(trim) : 0;
  if (deleted > 0) {
    call.notify(EventClass.stream, "xtrim", 1);
    if (trim.isApproximate) {
      call.propagateInstead("XTRIM", call.copy(1), ...trim.exactly(call.server.collections.stream));
    }
    call.signalModified(1);
    call.server.keyspace.dirty += deleted - 1;
  }
  call.reply.integer(deleted);
}

function xsetid(call: Call): void {
  const { reader, id, start: maxDeleted, integer } = call.server.streamArguments;
  reader.readStrict(call, 2, id);
  maxDeleted.setZero();
  let added: bigint | undefined;
  for (let at = 3; at < call.argc; at += 2) {
    if (at + 1 < call.argc && call.is(at, "entriesadded")) {
      if (integerArgument(call, at + 1) < 0) throw new CommandError("ERR entries_added must be positive");
      added = parseInt64(call.buffer, call.offset[at + 1] as number, call.length[at + 1] as number);
    } else if (at + 1 < call.argc && call.is(at, "maxdeletedid")) {
      reader.readStrict(call, at + 1, maxDeleted);
      if (id.compare(maxDeleted) < 0) {
        throw new CommandError("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      }
    } else throw new CommandError(ERRORS.syntax);
  }
  if (!openStreamForWrite(call, 1)) throw new CommandError(ERRORS.noSuchKey);
  const { stream } = call.server.collections;
  refuseSmallId(call, stream, id, added);
  stream.setLastId(id);
  if (added !== undefined) {
    integer.setBigInt(added);
    stream.setAdded(integer.high, integer.low);
  }
  if (!maxDeleted.isZero) stream.setMaxDeleted(maxDeleted);
  call.reply.ok();
  call.signalModified(1);
  call.notify(EventClass.stream, "xsetid", 1);
}

function refuseSmallId(call: Call, stream: StreamValue, id: StreamId, added: bigint | undefined): void {
  const { end } = call.server.streamArguments;
  if (stream.readLastEntry(end) && id.compare(end) < 0) {
    throw new CommandError("ERR The ID specified in XSETID is smaller than the target stream top item");
  }
  if (added !== undefined && added < BigInt(stream.count)) {
    throw new CommandError("ERR The entries_added specified in XSETID is smaller than the target stream length");
  }
  if (id.compare(stream.readMaxDeleted(end)) < 0) {
    throw new CommandError("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
  }
}
