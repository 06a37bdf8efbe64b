/**
 * INCR and its kin. Numbers are stored as the text clients read, so GET is a copy; arithmetic up to 15 digits is done on
 * doubles in place, beyond that on BigInt, and INCRBYFLOAT as the 80-bit arithmetic of Redis on x86.
 */

import { writeDecimal } from "@kvcluster/protocol/decimal";
import { EventClass } from "../keyspace/event-classes.ts";
import { KEEP_TTL } from "../keyspace/record.ts";
import { addLongDouble, formatLongDouble, parseLongDouble } from "../memory/long-double.ts";
import { ValueType } from "../values/value-type.ts";
import { isInt64, parseInt64, smallInteger } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

export const counterCommands = defineCommands([
  {
    name: "incr",
    arity: 2,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "string",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Adds one to the integer at a key.",
    syntax: "key",
    run: (call) => addSmall(call, 1),
  },
  {
    name: "decr",
    arity: 2,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "string",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Takes one from the integer at a key.",
    syntax: "key",
    run: (call) => addSmall(call, -1),
  },
  {
    name: "incrby",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "string",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Adds a number to the integer at a key.",
    syntax: "key increment",
    run: incrby,
  },
  {
    name: "decrby",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "string",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Takes a number from the integer at a key.",
    syntax: "key decrement",
    run: decrby,
  },
  {
    name: "incrbyfloat",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "string",
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Adds a floating-point number to the number at a key.",
    syntax: "key increment:double",
    run: incrbyfloat,
  },
]);

/** Sums beyond this go through BigInt: one more digit than `smallInteger` reads. */
const SAFE_SUM = 1e15;
/** Decimal text on its way from a counter to its record; never read after the call that wrote it. */
const DIGITS = Buffer.allocUnsafeSlow(32);

/** The record at argument 1, or 0; throws if it is no string. */
function counterRecord(call: Call): number {
  const record = call.db.lookupWrite(call.buffer, call.offset[1] as number, call.length[1] as number);
  if (record !== 0 && call.db.typeOf(record) !== ValueType.string) throw new CommandError(ERRORS.wrongType);
  return record;
}

function addSmall(call: Call, increment: number): void {
  const { db } = call;
  const record = counterRecord(call);
  const current = record === 0 ? 0 : valueAsSmall(call, record);
  const sum = current + increment;
  if (Number.isNaN(sum) || sum > SAFE_SUM || sum < -SAFE_SUM) {
    addBig(call, record, BigInt(increment));
    return;
  }
  const digits = writeDecimal(sum, DIGITS, 0);
  const isStored =
    record !== 0 &&
    (call.server.keyspace.records.overwriteInteger(record, DIGITS, digits) ||
      db.overwriteString(record, DIGITS, 0, digits));
  if (!isStored) {
    db.setString(call.buffer, call.offset[1] as number, call.length[1] as number, DIGITS, 0, digits, KEEP_TTL);
  }
  call.signalModified(1);
  call.notify(EventClass.string, "incrby", 1);
  call.reply.integer(sum);
}

function valueAsSmall(call: Call, record: number): number {
  const { db } = call;
  return smallInteger(db.arena.bytes[record >>> 23] as Buffer, db.valueOffset(record), db.valueLength(record));
}

function addBig(call: Call, record: number, increment: bigint): void {
  const { db } = call;
  let current: bigint | undefined = 0n;
  if (record !== 0) {
    current = parseInt64(db.arena.bytes[record >>> 23] as Buffer, db.valueOffset(record), db.valueLength(record));
  }
  if (current === undefined) throw new CommandError(ERRORS.notInteger);
  const sum = current + increment;
  if (!isInt64(sum)) throw new CommandError(ERRORS.incrementOverflow);
  storeText(call, sum.toString(), "incrby");
  call.reply.integerText(sum.toString());
}

function incrby(call: Call): void {
  const increment = smallInteger(call.buffer, call.offset[2] as number, call.length[2] as number);
  if (!Number.isNaN(increment)) {
    addSmall(call, increment);
    return;
  }
  const big = parseInt64(call.buffer, call.offset[2] as number, call.length[2] as number);
  if (big === undefined) throw new CommandError(ERRORS.notInteger);
  addBig(call, counterRecord(call), big);
}

function decrby(call: Call): void {
  const decrement = parseInt64(call.buffer, call.offset[2] as number, call.length[2] as number);
  if (decrement === undefined) throw new CommandError(ERRORS.notInteger);
  if (!isInt64(-decrement)) throw new CommandError(ERRORS.decrementOverflow);
  addBig(call, counterRecord(call), -decrement);
}

function incrbyfloat(call: Call): void {
  const { db } = call;
  const record = counterRecord(call);
  let text = "0";
  if (record !== 0) {
    const start = db.valueOffset(record);
    text = (db.arena.bytes[record >>> 23] as Buffer).toString("latin1", start, start + db.valueLength(record));
  }
  const current = parseLongDouble(text);
  const increment = parseLongDouble(call.text(2));
  if (current === undefined || increment === undefined) throw new CommandError(ERRORS.notFloat);
  const sum = addLongDouble(current, increment);
  if (sum === undefined) throw new CommandError(ERRORS.incrementNotANumber);
  const sumText = formatLongDouble(sum);
  storeText(call, sumText, "incrbyfloat");
  call.reply.bulkString(sumText);
  // As a SET, so that a replica with other floating-point arithmetic cannot drift.
  call.propagateInstead("SET", call.copy(1), sumText, "KEEPTTL");
}

function storeText(call: Call, text: string, event: string): void {
  const digits = Buffer.from(text, "latin1");
  const { db } = call;
  db.setString(call.buffer, call.offset[1] as number, call.length[1] as number, digits, 0, digits.length, KEEP_TTL);
  call.signalModified(1);
  call.notify(EventClass.string, event, 1);
}
