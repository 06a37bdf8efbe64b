/**
 * What the commands of streams share: the stream behind a key, registers for ids and integers, and how ids, entries and
 * arrays whose length is known only at the end are replied.
 */

import type { Int64 } from "../memory/int64.ts";
import { LONGEST_ID, type StreamId } from "../memory/stream-id.ts";
import type { StreamValue } from "../values/stream.ts";
import type { StreamCursor } from "../values/stream-cursor.ts";
import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite } from "./collection-keys.ts";
import { CommandError, cString } from "./errors.ts";

const HEADER_BYTES = 32;
const CR = 13;
const LF = 10;
const ARRAY = 42;
const MAP = 37;

/** Opens the stream at a key for reading; false if there is none. */
export function openStream(call: Call, argument: number): boolean {
  return openForRead(call, argument, ValueType.stream, call.server.collections.stream);
}

/** As openStream, for a command that will change it. */
export function openStreamForWrite(call: Call, argument: number): boolean {
  return openForWrite(call, argument, ValueType.stream, call.server.collections.stream) !== 0;
}

/** Makes an empty stream at a key where there is nothing. */
export function createStream(call: Call, argument: number): void {
  const { stream } = call.server.collections;
  stream.create();
  const offset = call.offset[argument] as number;
  const length = call.length[argument] as number;
  call.db.addCollection(call.buffer, offset, length, ValueType.stream, stream.encoding, stream.root);
}

/** The stream at an argument has got an entry, or lost a group: clients that wait are to look. */
export function streamReady(call: Call, argument: number): void {
  call.db.changes.ready(call.buffer, call.offset[argument] as number, call.length[argument] as number);
}

/** The group that an argument names, of the stream that is open; 0 if there is none. */
export function groupArgument(call: Call, argument: number): number {
  const { span, stream } = call.server.collections;
  span.set(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  return stream.findGroup(span);
}

/** The consumer that an argument names, 0 if there is none. */
export function consumerArgument(call: Call, group: number, argument: number): number {
  const { span, stream } = call.server.collections;
  span.set(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  return stream.groups.findConsumer(group, span);
}

/** The stream and the group at two arguments, opened for writing; throws if either is missing. */
export function requireGroup(call: Call, key: number, name: number): number {
  const group = openStreamForWrite(call, key) ? groupArgument(call, name) : 0;
  if (group !== 0) return group;
  const shown = `'${cString(call.text(key))}' or consumer group '${cString(call.text(name))}'`;
  throw new CommandError(`NOGROUP No such key ${shown}`);
}

export function replyId(call: Call, id: StreamId): void {
  const { reply } = call;
  reply.reserve(LONGEST_ID + HEADER_BYTES);
  const out = reply.buffer;
  // The text goes behind the longest header, and is moved if its header is shorter.
  const start = reply.position;
  const end = id.write(out, start + 5);
  const length = end - start - 5;
  let at = start;
  out[at++] = 36;
  if (length > 9) out[at++] = 48 + Math.floor(length / 10);
  out[at++] = 48 + (length % 10);
  out[at++] = CR;
  out[at++] = LF;
  if (at !== start + 5) out.copyWithin(at, start + 5, end);
  at += length;
  out[at] = CR;
  out[at + 1] = LF;
  reply.position = at + 2;
}

export function replyInt64(call: Call, integer: Int64): void {
  if (integer.isSafe) call.reply.integer(integer.toNumber());
  else call.reply.integerText(integer.toBigInt().toString());
}

/** The entry under the cursor: its id, and its fields and values in one array. */
export function replyEntry(call: Call, cursor: StreamCursor): void {
  const { reply } = call;
  const { span, secondSpan } = call.server.collections;
  reply.array(2);
  replyId(call, cursor.id);
  const fields = cursor.fieldCount;
  reply.array(fields * 2);
  for (let k = 0; k < fields; k++) {
    cursor.readPair(span, secondSpan);
    reply.bulk(span.buffer, span.offset, span.length);
    reply.bulk(secondSpan.buffer, secondSpan.offset, secondSpan.length);
  }
}

/** Replies with entries from the open stream's cursor on, at most `count` (0: all); gives how many. */
export function replyEntries(call: Call, stream: StreamValue, count: number): number {
  const start = call.reply.position;
  const { cursor } = stream;
  let replied = 0;
  while ((count === 0 || replied < count) && cursor.next()) {
    replyEntry(call, cursor);
    replied++;
  }
  insertArrayHeader(call, start, replied);
  return replied;
}

/** Puts the header of an array before the elements that were written from `start` on. */
export function insertArrayHeader(call: Call, start: number, count: number): void {
  insertHeader(call, start, ARRAY, count);
}

/** The same for pairs: a map in RESP3, in RESP2 an array of arrays, whose own headers are written. */
export function insertMapHeader(call: Call, start: number, count: number): void {
  insertHeader(call, start, call.reply.resp3 ? MAP : ARRAY, count);
}

function insertHeader(call: Call, start: number, kind: number, count: number): void {
  const { reply } = call;
  const text = String(count);
  const size = text.length + 3;
  reply.reserve(size);
  const out = reply.buffer;
  out.copyWithin(start + size, start, reply.position);
  out[start] = kind;
  out.write(text, start + 1, "latin1");
  out[start + size - 2] = CR;
  out[start + size - 1] = LF;
  reply.position += size;
}
