/**
 * Replies with many packed entries at once: LRANGE and its like. Short strings, nearly all of what is packed, go from the
 * arena to the reply in one loop, eight bytes at a time; the rest takes the ordinary way.
 */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import type { ByteSpan } from "../memory/byte-span.ts";
import { nextEntry, readEntry } from "../memory/listpack-entry.ts";
import type { PackedRun } from "../memory/packed-run.ts";

const SHORT_STRING = 0x80;
const SHORT_STRING_END = 0xc0;
/** What a reply adds to an entry: `$63\r\n…\r\n` for one of two bytes, or the digits of a 64-bit integer. */
const ADDED_BYTES = 20;
const CR = 13;
const LF = 10;

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
  reply.reserve(end - run.position + Math.min(count, end - run.position) * ADDED_BYTES);
  const out = reply.buffer;
  const target = reply.wide;
  let from = run.position;
  let to = reply.position;
  for (; count > 0 && from < end; count--) {
    const first = bytes[from] as number;
    if (first < SHORT_STRING || first >= SHORT_STRING_END) break;
    const length = first & 0x3f;
    out[to++] = 36;
    if (length > 9) {
      const tens = (length * 205) >>> 11;
      out[to++] = 48 + tens;
      out[to++] = 48 + length - tens * 10;
    } else out[to++] = 48 + length;
    out[to] = CR;
    out[to + 1] = LF;
    to += 2;
    from++;
    let k = 0;
    for (; k + 8 <= length; k += 8) target.setBigInt64(to + k, wide.getBigInt64(from + k, true), true);
    for (; k < length; k++) out[to + k] = bytes[from + k] as number;
    to += length;
    out[to] = CR;
    out[to + 1] = LF;
    to += 2;
    from += length + 1;
  }
  run.position = from;
  reply.position = to;
  return count;
}
