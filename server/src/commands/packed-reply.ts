/**
 * Replies with many packed entries, or members of large sorted sets, at once: LRANGE, ZRANGE and their like. Short strings,
 * nearly all there are, go from the arena to the reply in one loop, eight bytes at a time; the rest takes the ordinary way.
 */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import type { Arena } from "../memory/arena.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import { nextEntry, readEntry } from "../memory/listpack-entry.ts";
import type { PackedRun } from "../memory/packed-run.ts";
import { MEMBER_LENGTH_WORD, MEMBER_OFFSET, memberLength } from "../memory/scored-record.ts";

const SHORT_STRING = 0x80;
const SHORT_STRING_END = 0xc0;
const LONGEST_SHORT_STRING = SHORT_STRING_END - SHORT_STRING - 1;
/** What a reply adds to an entry: `$63\r\n…\r\n` for one of two bytes, or the digits of a 64-bit integer. */
const ADDED_BYTES = 20;
/** Words are copied whole: up to seven bytes too many, which what follows in the reply overwrites. */
const WORD_BYTES = 8;
/** As a little-endian half word. */
const CRLF = 0x0a0d;

/** For each length of a short string the line before it, `$` and the length, padded to a word. */
const HEADERS = shortStringHeaders();

function shortStringHeaders(): DataView {
  const bytes = Buffer.alloc((LONGEST_SHORT_STRING + 1) * WORD_BYTES);
  for (let length = 0; length <= LONGEST_SHORT_STRING; length++) bytes.write(`$${length}\r\n`, length * WORD_BYTES);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Appends up to `count` entries of the run as bulk strings; gives how many, and leaves the run behind them. */
export function appendEntries(reply: ReplyWriter, run: PackedRun, count: number, span: ByteSpan): number {
  let left = count;
  while (left > 0 && run.position < run.end) {
    const rest = appendShortStrings(reply, run, left);
    if (rest === left) {
      readEntry(run.bytes, run.position, span);
      reply.bulk(span.buffer, span.offset, span.length);
      run.position = nextEntry(run.bytes, run.position);
      left--;
    } else left = rest;
  }
  return count - left;
}

/** Stops at the first entry that is no short string; gives how many are still wanted. */
function appendShortStrings(reply: ReplyWriter, run: PackedRun, count: number): number {
  const { bytes, wide, end } = run;
  reply.reserve(end - run.position + Math.min(count, end - run.position) * ADDED_BYTES + WORD_BYTES);
  const target = reply.wide;
  // At the very end of the memory there is no whole word to read any more.
  const lastWord = wide.byteLength - WORD_BYTES - LONGEST_SHORT_STRING;
  let from = run.position;
  let to = reply.position;
  for (; count > 0 && from < end && from <= lastWord; count--) {
    const first = bytes[from] as number;
    if (first < SHORT_STRING || first >= SHORT_STRING_END) break;
    const length = first & 0x3f;
    target.setBigInt64(to, HEADERS.getBigInt64(length * WORD_BYTES, true), true);
    to += length > 9 ? 5 : 4;
    from++;
    for (let k = 0; k < length; k += WORD_BYTES) target.setBigInt64(to + k, wide.getBigInt64(from + k, true), true);
    to += length;
    target.setUint16(to, CRLF, true);
    to += 2;
    from += length + 1;
  }
  run.position = from;
  reply.position = to;
  return count;
}

/** Appends the members of the first `count` records as bulk strings. */
export function appendMembers(reply: ReplyWriter, arena: Arena, records: Int32Array, count: number): void {
  for (let k = 0; k < count; k++) {
    k = appendShortMembers(reply, arena, records, k, count);
    if (k === count) return;
    const record = records[k] as number;
    reply.bulk(arena.bytes[record >>> 23] as Buffer, memberStart(record), memberLength(arena, record));
  }
}

/** Goes on from the record with this index, stops at the first that is no short string, and gives its index. */
function appendShortMembers(
  reply: ReplyWriter,
  { words, wide }: Arena,
  records: Int32Array,
  first: number,
  count: number,
): number {
  reply.reserve((count - first) * (LONGEST_SHORT_STRING + ADDED_BYTES) + WORD_BYTES);
  const target = reply.wide;
  let to = reply.position;
  let k = first;
  for (; k < count; k++) {
    const record = records[k] as number;
    const length = (words[record >>> 23] as Int32Array)[((record & 0x7fffff) << 1) + MEMBER_LENGTH_WORD] as number;
    const from = memberStart(record);
    const source = wide[record >>> 23] as DataView;
    if (length > LONGEST_SHORT_STRING || from + LONGEST_SHORT_STRING + WORD_BYTES > source.byteLength) break;
    target.setBigInt64(to, HEADERS.getBigInt64(length << 3, true), true);
    to += length > 9 ? 5 : 4;
    for (let j = 0; j < length; j += WORD_BYTES) target.setBigInt64(to + j, source.getBigInt64(from + j, true), true);
    to += length;
    target.setUint16(to, CRLF, true);
    to += 2;
  }
  reply.position = to;
  return k;
}

function memberStart(record: number): number {
  return ((record & 0x7fffff) << 3) + MEMBER_OFFSET;
}
