/** BITFIELD and BITFIELD_RO: several integers of any width in one string, read and written in one go. */

import { EventClass } from "../keyspace/event-classes.ts";
import {
  added,
  addedSmall,
  asFieldInput,
  type FieldType,
  type Overflow,
  readField,
  readSmallField,
  SMALL_FIELD_BITS,
  writeField,
  writeSmallField,
} from "../values/bit-field.ts";
import { parseInt64, smallInteger } from "./arguments.ts";
import { bitOffsetArgument, growForBit } from "./bit-arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, type KeySpec, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { stringForRead } from "./string-access.ts";

const CHANGED: readonly KeySpec[] = oneKey("RW", "access", "update", "variable_flags");

export const bitFieldCommands = defineCommands([
  {
    name: "bitfield",
    arity: -2,
    flags: ["write", "denyoom"],
    keys: CHANGED,
    group: "bitmap",
    since: "3.2.0",
    complexity: "O(1) for each operation",
    summary: "Reads, sets and counts integers of any width within the string at a key.",
    syntax:
      "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value:integer | INCRBY encoding offset increment> [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value:integer | INCRBY encoding offset increment> ...]]",
    run: (call) => bitfield(call, false),
  },
  {
    name: "bitfield_ro",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "bitmap",
    since: "6.0.0",
    complexity: "O(1) for each operation",
    summary: "Reads integers of any width within the string at a key.",
    syntax: "key [GET encoding offset [GET encoding offset ...]]",
    run: (call) => bitfield(call, true),
  },
]);

interface Operation {
  readonly kind: "get" | "set" | "incrby";
  readonly type: FieldType;
  readonly offset: number;
  /** A bigint only where it is beyond what is exact as a number. */
  readonly operand: number | bigint;
  readonly overflow: Overflow;
}

const BAD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
const OVERFLOWS: readonly Overflow[] = ["wrap", "sat", "fail"];
const KINDS = ["get", "set", "incrby"] as const;
const SIGNED = 0x69;
const UNSIGNED = 0x75;
const LARGEST_SIGNED = 64n;
const LARGEST_UNSIGNED = 63n;

function bitfield(call: Call, isReadOnly: boolean): void {
  const operations = parseOperations(call);
  const writes = operations.filter(({ kind }) => kind !== "get");
  if (writes.length === 0) {
    const record = stringForRead(call, 1);
    call.reply.array(operations.length);
    for (const { type, offset } of operations) replyField(call, record, offset, type);
    return;
  }
  if (isReadOnly) throw new CommandError("ERR BITFIELD_RO only supports the GET subcommand");
  let lastBit = 0;
  for (const { offset, type } of writes) lastBit = Math.max(lastBit, offset + type.bits - 1);
  const { record, hasGrown } = growForBit(call, lastBit);
  call.reply.array(operations.length);
  let changes = 0;
  for (const operation of operations) {
    const { kind, type, offset } = operation;
    if (kind === "get") replyField(call, record, offset, type);
    else if (write(call, record, operation, hasGrown)) changes++;
  }
  if (changes === 0) return;
  call.signalModified(1);
  call.notify(EventClass.string, "setbit", 1);
  call.server.keyspace.dirty += changes - 1;
}

/** Does what a SET or INCRBY says and replies; whether that counts as a change, which in a string that has grown it always does. */
function write(call: Call, record: number, operation: Operation, hasGrown: boolean): boolean {
  const { kind, type, offset, overflow } = operation;
  if (type.bits <= SMALL_FIELD_BITS && typeof operation.operand === "number") {
    const isExact = type.isSigned || kind === "incrby" || operation.operand >= 0;
    if (isExact) return writeSmall(call, record, operation, operation.operand, hasGrown);
  }
  const operand = BigInt(operation.operand);
  const before = read(call, record, offset, type);
  const after =
    kind === "set" ? added(asFieldInput(operand, type), 0n, type, overflow) : added(before, operand, type, overflow);
  if (after === undefined) {
    call.reply.nil();
    return false;
  }
  replyValue(call, kind === "set" ? before : after);
  writeField(call.db.bytesOf(record), call.db.valueOffset(record), offset, type, after);
  return hasGrown || before !== after;
}

function writeSmall(call: Call, record: number, operation: Operation, operand: number, hasGrown: boolean): boolean {
  const { db } = call;
  const { kind, type, offset, overflow } = operation;
  const bytes = db.bytesOf(record);
  const start = db.valueOffset(record);
  const before = readSmallField(bytes, start, db.valueLength(record), offset, type);
  const after = addedSmall(kind === "set" ? operand : before + operand, type, overflow);
  if (after === undefined) {
    call.reply.nil();
    return false;
  }
  call.reply.integer(kind === "set" ? before : after);
  writeSmallField(bytes, start, offset, type, after);
  return hasGrown || before !== after;
}

/** Replies what a field holds; record 0 is an empty string. */
function replyField(call: Call, record: number, offset: number, type: FieldType): void {
  const { db } = call;
  if (record === 0) call.reply.integer(0);
  else if (type.bits > SMALL_FIELD_BITS) replyValue(call, read(call, record, offset, type));
  else {
    const length = db.valueLength(record);
    call.reply.integer(readSmallField(db.bytesOf(record), db.valueOffset(record), length, offset, type));
  }
}

function read(call: Call, record: number, offset: number, type: FieldType): bigint {
  const { db } = call;
  return readField(db.bytesOf(record), db.valueOffset(record), db.valueLength(record), offset, type);
}

function replyValue(call: Call, value: bigint): void {
  call.reply.integerText(String(value));
}

function parseOperations(call: Call): Operation[] {
  const operations: Operation[] = [];
  let overflow: Overflow = "wrap";
  for (let i = 2; i < call.argc; ) {
    const left = call.argc - i - 1;
    if (call.is(i, "overflow") && left >= 1) {
      const found = OVERFLOWS.find((name) => call.is(i + 1, name));
      if (found === undefined) throw new CommandError("ERR Invalid OVERFLOW type specified");
      overflow = found;
      i += 2;
      continue;
    }
    const kind = KINDS.find((name) => call.is(i, name));
    const size = kind === "get" ? 2 : 3;
    if (kind === undefined || left < size) throw new CommandError(ERRORS.syntax);
    const type = typeArgument(call, i + 1);
    const offset = bitOffsetArgument(call, i + 2, type.bits);
    const operand = kind === "get" ? 0 : operandArgument(call, i + 3);
    operations.push({ kind, type, offset, operand, overflow });
    i += size + 1;
  }
  return operations;
}

/** `i` or `u` and a number of bits. */
function typeArgument(call: Call, index: number): FieldType {
  const start = call.offset[index] as number;
  const letter = call.buffer[start];
  const small = smallInteger(call.buffer, start + 1, (call.length[index] as number) - 1);
  if (small >= 1 && small < Number(LARGEST_UNSIGNED) && (letter === SIGNED || letter === UNSIGNED)) {
    return { isSigned: letter === SIGNED, bits: small };
  }
  const text = call.text(index).split("\0", 1)[0] as string;
  const isSigned = text[0] === "i";
  const digits = Buffer.from(text.slice(1), "latin1");
  const bits = isSigned || text[0] === "u" ? parseInt64(digits, 0, digits.length) : undefined;
  if (bits === undefined || bits < 1n || bits > (isSigned ? LARGEST_SIGNED : LARGEST_UNSIGNED)) {
    throw new CommandError(BAD_TYPE);
  }
  return { isSigned, bits: Number(bits) };
}

function operandArgument(call: Call, index: number): number | bigint {
  const small = smallInteger(call.buffer, call.offset[index] as number, call.length[index] as number);
  if (!Number.isNaN(small)) return small;
  const value = parseInt64(call.buffer, call.offset[index] as number, call.length[index] as number);
  if (value === undefined) throw new CommandError(ERRORS.notInteger);
  return value;
}
