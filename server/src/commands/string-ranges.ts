/** Commands on parts of a string: APPEND, STRLEN, GETRANGE, SETRANGE, LCS is elsewhere. */

import { EventClass } from "../keyspace/event-classes.ts";
import { KEEP_TTL } from "../keyspace/record.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { addEmptyString, stringForRead, stringForWrite } from "./string-access.ts";

export const stringRangeCommands = defineCommands([
  {
    name: "append",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "insert"),
    group: "string",
    since: "2.0.0",
    complexity: "O(1) amortised",
    summary: "Appends to the string at a key.",
    syntax: "key value",
    run: append,
  },
  {
    name: "strlen",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "string",
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Gives the length of the string at a key in bytes.",
    syntax: "key",
    run: strlen,
  },
  {
    name: "getrange",
    arity: 4,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "string",
    since: "2.4.0",
    complexity: "O(N) in the length of the part",
    summary: "Gives a part of the string at a key.",
    syntax: "key start end",
    run: getrange,
  },
  {
    name: "substr",
    arity: 4,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "string",
    since: "1.0.0",
    complexity: "O(N) in the length of the part",
    summary: "The old name of GETRANGE.",
    syntax: "key start end",
    run: getrange,
  },
  {
    name: "setrange",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: oneKey("RW", "update"),
    group: "string",
    since: "2.2.0",
    complexity: "O(M) in the length of the value",
    summary: "Overwrites a part of the string at a key, with zero bytes before it where needed.",
    syntax: "key offset value",
    run: setrange,
  },
]);

function checkLength(call: Call, length: number): void {
  if (length > call.server.maxBulkBytes) throw new CommandError(ERRORS.stringTooLong);
}

function append(call: Call): void {
  const { db, buffer } = call;
  const record = stringForWrite(call, 1);
  const added = call.length[2] as number;
  const start = call.offset[2] as number;
  if (record === 0) {
    db.setString(buffer, call.offset[1] as number, call.length[1] as number, buffer, start, added, KEEP_TTL);
    call.signalModified(1);
    call.notify(EventClass.string, "append", 1);
    call.reply.integer(added);
    return;
  }
  const length = db.valueLength(record);
  checkLength(call, length + added);
  const grown = db.growString(record, length + added);
  buffer.copy(db.arena.bytes[grown >>> 23] as Buffer, db.valueOffset(grown) + length, start, start + added);
  call.signalModified(1);
  call.notify(EventClass.string, "append", 1);
  call.reply.integer(length + added);
}

function strlen(call: Call): void {
  const record = stringForRead(call, 1);
  call.reply.integer(record === 0 ? 0 : call.db.valueLength(record));
}

function getrange(call: Call): void {
  const { db, reply } = call;
  let start = integerArgument(call, 2);
  let end = integerArgument(call, 3);
  const record = stringForRead(call, 1);
  const length = record === 0 ? 0 : db.valueLength(record);
  if (start < 0 && end < 0 && start > end) start = length;
  if (start < 0) start = Math.max(0, start + length);
  if (end < 0) end = Math.max(0, end + length);
  if (end >= length) end = length - 1;
  if (length === 0 || start > end) {
    reply.bulkString("");
    return;
  }
  reply.bulk(db.arena.bytes[record >>> 23] as Buffer, db.valueOffset(record) + start, end - start + 1);
}

function setrange(call: Call): void {
  const { db, buffer, reply } = call;
  const at = integerArgument(call, 2);
  if (at < 0) throw new CommandError(ERRORS.offsetOutOfRange);
  const size = call.length[3] as number;
  let record = stringForWrite(call, 1);
  const length = record === 0 ? 0 : db.valueLength(record);
  if (size === 0) {
    reply.integer(length);
    return;
  }
  checkLength(call, at + size);
  if (record === 0) record = addEmptyString(call, 1);
  const grown = db.growString(record, Math.max(length, at + size));
  const start = call.offset[3] as number;
  buffer.copy(db.arena.bytes[grown >>> 23] as Buffer, db.valueOffset(grown) + at, start, start + size);
  call.signalModified(1);
  call.notify(EventClass.string, "setrange", 1);
  reply.integer(Math.max(length, at + size));
}
