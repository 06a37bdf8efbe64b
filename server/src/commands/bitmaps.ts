/** Strings as arrays of bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. A missing key is an array of zeros. */

import { EventClass } from "../keyspace/event-classes.ts";
import type { Handle } from "../memory/arena-layout.ts";
import { type BitOperation, type ByteViews, combineBits, countBits, findBit, invertBits } from "../values/bits.ts";
import { integerArgument } from "./arguments.ts";
import { bitOffsetArgument, growForBit } from "./bit-arguments.ts";
import type { Call } from "./call.ts";
import { remove } from "./collection-keys.ts";
import { defineCommands, keyAt, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { addEmptyString, stringForRead } from "./string-access.ts";

export const bitmapCommands = defineCommands([
  {
    name: "setbit",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: oneKey("RW", "access", "update"),
    group: "bitmap",
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Sets or clears one bit of the string at a key, and gives what it was.",
    syntax: "key offset value:integer",
    isQuick: true,
    run: setbit,
  },
  {
    name: "getbit",
    arity: 3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "bitmap",
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Gives one bit of the string at a key.",
    syntax: "key offset",
    run: getbit,
  },
  {
    name: "bitcount",
    arity: -2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "bitmap",
    since: "2.6.0",
    complexity: "O(N) in the length of the range",
    summary: "Counts the set bits of the string at a key, or of a part of it.",
    syntax: "key [start end [BYTE | BIT]]",
    run: bitcount,
  },
  {
    name: "bitpos",
    arity: -3,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "bitmap",
    since: "2.8.7",
    complexity: "O(N) in the length of the range",
    summary: "Finds the first set or clear bit of the string at a key, or of a part of it.",
    syntax: "key bit [start [end [BYTE | BIT]]]",
    run: bitpos,
  },
  {
    name: "bitop",
    arity: -4,
    flags: ["write", "denyoom"],
    keys: [
      keyAt(2, "OW", "update"),
      { flags: ["RO", "access"], begin: { index: 3 }, find: { last: -1, step: 1, limit: 0 } },
    ],
    group: "bitmap",
    since: "2.6.0",
    complexity: "O(N) in the total length of the strings",
    summary: "Combines strings bit by bit and stores the result.",
    syntax: "<AND | OR | XOR | NOT> destkey key [key ...]",
    run: bitop,
  },
]);

const BAD_BIT = "ERR bit is not an integer or out of range";

function setbit(call: Call): void {
  const { db } = call;
  const offset = bitOffsetArgument(call, 2);
  const bit = integerArgument(call, 3, BAD_BIT);
  if (bit !== 0 && bit !== 1) throw new CommandError(BAD_BIT);
  const target = growForBit(call, offset);
  const bytes = db.bytesOf(target.record);
  const at = db.valueOffset(target.record) + Math.floor(offset / 8);
  const mask = 0x80 >>> (offset & 7);
  const byte = bytes[at] as number;
  const before = (byte & mask) === 0 ? 0 : 1;
  if (target.hasGrown || before !== bit) {
    bytes[at] = bit === 1 ? byte | mask : byte & ~mask;
    call.signalModified(1);
    call.notify(EventClass.string, "setbit", 1);
  }
  call.reply.integer(before);
}

function getbit(call: Call): void {
  const { db } = call;
  const offset = bitOffsetArgument(call, 2);
  const record = stringForRead(call, 1);
  const at = Math.floor(offset / 8);
  if (record === 0 || at >= db.valueLength(record)) {
    call.reply.integer(0);
    return;
  }
  const byte = db.bytesOf(record)[db.valueOffset(record) + at] as number;
  call.reply.integer((byte >>> (7 - (offset & 7))) & 1);
}

/** Whether argument `index` says BIT and not BYTE, which is also what its absence means. */
function countsBits(call: Call, index: number): boolean {
  if (index >= call.argc || call.is(index, "byte")) return false;
  if (call.is(index, "bit")) return true;
  throw new CommandError(ERRORS.syntax);
}

function bitcount(call: Call): void {
  const { db, reply } = call;
  const record = stringForRead(call, 1);
  if (record === 0) {
    reply.integer(0);
    return;
  }
  if (call.argc === 3 || call.argc > 5) throw new CommandError(ERRORS.syntax);
  const length = db.valueLength(record);
  const views = viewsOf(call, record);
  if (call.argc === 2) {
    reply.integer(length === 0 ? 0 : countBits(views, db.valueOffset(record), 0, length * 8 - 1));
    return;
  }
  const start = integerArgument(call, 2);
  const end = integerArgument(call, 3);
  if (start < 0 && end < 0 && start > end) {
    reply.integer(0);
    return;
  }
  const unit = countsBits(call, 4) ? 1 : 8;
  const range = bitRange(start, end, length, unit);
  const isEmpty = range.first > range.last;
  reply.integer(isEmpty ? 0 : countBits(views, db.valueOffset(record), range.first, range.last));
}

/** The bits that two indices in units of 1 or 8 bits mean; negative ones count from the end. */
function bitRange(start: number, end: number, length: number, unit: number): { first: number; last: number } {
  const total = (length * 8) / unit;
  const from = Math.max(0, start < 0 ? start + total : start);
  const to = Math.min(total - 1, Math.max(0, end < 0 ? end + total : end));
  return { first: from * unit, last: to * unit + unit - 1 };
}

function bitpos(call: Call): void {
  const { db, reply, argc } = call;
  const bit = integerArgument(call, 2);
  if (bit !== 0 && bit !== 1) throw new CommandError("ERR The bit argument must be 1 or 0.");
  const record = stringForRead(call, 1);
  if (record === 0) {
    reply.integer(bit === 1 ? -1 : 0);
    return;
  }
  if (argc > 6) throw new CommandError(ERRORS.syntax);
  const length = db.valueLength(record);
  const start = argc > 3 ? integerArgument(call, 3) : 0;
  const unit = countsBits(call, 5) ? 1 : 8;
  const end = argc > 4 ? integerArgument(call, 4) : -1;
  const { first, last } = bitRange(start, end, length, unit);
  if (length === 0 || first > last) {
    reply.integer(-1);
    return;
  }
  const found = findBit(viewsOf(call, record), db.valueOffset(record), first, last, bit);
  // Without an end, the string goes on in zeros.
  reply.integer(found < 0 && bit === 0 && argc < 5 ? length * 8 : found);
}

function viewsOf(call: Call, record: Handle): ByteViews {
  const chunk = record >>> 23;
  const { bytes, wide, words } = call.db.arena;
  return { bytes: bytes[chunk] as Buffer, wide: wide[chunk] as DataView, words: words[chunk] as Int32Array };
}

const OPERATIONS = ["and", "or", "xor", "not"] as const;

function bitop(call: Call): void {
  const operation = OPERATIONS.find((name) => call.is(1, name));
  if (operation === undefined) throw new CommandError(ERRORS.syntax);
  if (operation === "not" && call.argc !== 4) {
    throw new CommandError("ERR BITOP NOT must be called with a single source key.");
  }
  const sources: Handle[] = [];
  let longest = 0;
  for (let i = 3; i < call.argc; i++) {
    const record = stringForRead(call, i);
    sources.push(record);
    if (record !== 0) longest = Math.max(longest, call.db.valueLength(record));
  }
  if (longest === 0) remove(call, 2);
  else {
    storeCombination(call, operation, sources, longest);
    call.signalModified(2);
    call.notify(EventClass.string, "set", 2);
  }
  call.reply.integer(longest);
}

/**
 * The result is made in the record of the target. Where that is a source too, its own bytes are where the combination
 * starts from, and it is left out of the rest: naming it again changes nothing, but for XOR, where a pair cancels out.
 */
function storeCombination(
  call: Call,
  operation: BitOperation | "not",
  sources: readonly Handle[],
  longest: number,
): void {
  const { db } = call;
  const old = db.lookupWrite(call.buffer, call.offset[2] as number, call.length[2] as number);
  const timesItself = old === 0 ? 0 : sources.filter((record) => record === old).length;
  const target = rawTarget(call, timesItself > 0 ? old : 0, longest);
  const views = viewsOf(call, target);
  const start = db.valueOffset(target);
  let isEmpty = timesItself === 0;
  if (operation === "xor" && timesItself > 0 && timesItself % 2 === 0) {
    views.bytes.fill(0, start, start + longest);
  }
  for (const source of sources) {
    if (timesItself > 0 && source === old) continue;
    const length = source === 0 ? 0 : db.valueLength(source);
    const from = source === 0 ? 0 : db.valueOffset(source);
    if (operation === "not" || isEmpty) {
      if (length > 0) viewsOf(call, source).bytes.copy(views.bytes, start, from, from + length);
      isEmpty = false;
      continue;
    }
    if (length > 0) combineBits(operation, views, start, viewsOf(call, source), from, length);
    if (operation === "and") views.bytes.fill(0, start + length, start + longest);
  }
  if (operation === "not") invertBits(views, start, longest);
  db.persist(target);
}

/** The record of the target, a string of this length: what `own` holds and zeros, or zeros only. */
function rawTarget(call: Call, own: Handle, length: number): Handle {
  const { db } = call;
  if (own !== 0) return db.growString(own, length);
  return db.growString(addEmptyString(call, 2), length);
}
