/** Listing keys: SCAN, KEYS, RANDOMKEY; and the options that all SCANs share. */

import { globMatch } from "@kvcluster/protocol/glob";
import { typeName } from "../values/value-type.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

export const keyScanCommands = defineCommands([
  {
    name: "scan",
    arity: -2,
    flags: ["readonly"],
    group: "generic",
    tips: ["nondeterministic_output", "request_policy:special"],
    since: "2.8.0",
    complexity: "O(1) a call, O(N) for a whole iteration",
    summary: "Iterates over the keys of the database, a few at a time.",
    syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
    run: scan,
  },
  {
    name: "keys",
    arity: 2,
    flags: ["readonly"],
    categories: ["dangerous"],
    group: "generic",
    tips: ["request_policy:all_shards", "nondeterministic_output_order"],
    since: "1.0.0",
    complexity: "O(N) in the number of keys",
    summary: "Lists all keys that match a pattern.",
    syntax: "pattern",
    run: keys,
  },
  {
    name: "randomkey",
    arity: 1,
    flags: ["readonly"],
    group: "generic",
    tips: ["request_policy:all_shards", "nondeterministic_output"],
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Gives a random key.",
    syntax: "",
    run: randomkey,
  },
]);

const DEFAULT_COUNT = 10;

export interface ScanOptions {
  readonly count: number;
  /** Undefined: everything matches. */
  readonly pattern: Buffer | undefined;
  readonly type: string | undefined;
  readonly noValues: boolean;
}

const CURSOR = /^(?:([+-]?)(\d+))?$/;
const CURSOR_LIMIT = 2n ** 64n;

/** A cursor is a number of up to 64 bits, read as C does: nothing is 0, a minus counts down from 2^64, a NUL ends it. Ours need 48 bits. */
export function cursorArgument(call: Call, index: number): number {
  const match = CURSOR.exec(call.text(index).replace(/\0.*$/s, ""));
  if (match === null) throw new CommandError(ERRORS.invalidCursor);
  const value = BigInt(match[2] ?? 0);
  if (value >= CURSOR_LIMIT) throw new CommandError(ERRORS.invalidCursor);
  return Number(match[1] === "-" ? BigInt.asUintN(64, -value) : value);
}

/** Parses MATCH, COUNT and what `allowed` names beyond them (type, novalues) from argument `start` on. */
export function scanOptions(call: Call, start: number, allowed: readonly ("type" | "novalues")[]): ScanOptions {
  let count = DEFAULT_COUNT;
  let pattern: Buffer | undefined;
  let type: string | undefined;
  let noValues = false;
  for (let i = start; i < call.argc; i++) {
    const hasValue = i + 1 < call.argc;
    if (call.is(i, "count") && hasValue) {
      count = integerArgument(call, ++i);
      if (count < 1) throw new CommandError(ERRORS.syntax);
    } else if (call.is(i, "match") && hasValue) pattern = call.copy(++i);
    else if (call.is(i, "type") && hasValue && allowed.includes("type")) type = call.text(++i).toLowerCase();
    else if (call.is(i, "novalues") && allowed.includes("novalues")) noValues = true;
    else throw new CommandError(ERRORS.syntax);
  }
  if (pattern?.length === 1 && pattern[0] === ASTERISK) pattern = undefined;
  return { count, pattern, type, noValues };
}

const ASTERISK = 42;

export function matches(pattern: Buffer | undefined, bytes: Buffer, offset: number, length: number): boolean {
  return pattern === undefined || globMatch(pattern, 0, pattern.length, bytes, offset, length, false);
}

function scan(call: Call): void {
  const cursor = cursorArgument(call, 1);
  const options = scanOptions(call, 2, ["type"]);
  const { db, reply } = call;
  const found: number[] = [];
  const expired: number[] = [];
  const next = db.scan(cursor, options.count, (record) => {
    if (!matches(options.pattern, db.bytesOf(record), db.keyOffset(record), db.keyLength(record))) return;
    if (call.server.keyspace.isForeign(record)) return;
    if (db.isExpired(record)) expired.push(record);
    else if (options.type === undefined || typeName(db.typeOf(record)) === options.type) found.push(record);
  });
  // Meeting an expired key deletes it, as anywhere.
  if (call.server.keyspace.deletesExpired) for (const record of expired) db.expireRecord(record);
  reply.array(2);
  reply.bulkString(String(next));
  reply.array(found.length);
  for (const record of found) reply.bulk(db.bytesOf(record), db.keyOffset(record), db.keyLength(record));
}

function keys(call: Call): void {
  const { db, reply } = call;
  // A lone asterisk matches the empty key too, which other patterns of asterisks do not.
  const pattern = call.is(1, "*") ? undefined : call.copy(1);
  const found: number[] = [];
  db.forEach((record) => {
    if (db.isExpired(record) || call.server.keyspace.isForeign(record)) return;
    if (matches(pattern, db.bytesOf(record), db.keyOffset(record), db.keyLength(record))) found.push(record);
  });
  reply.array(found.length);
  for (const record of found) reply.bulk(db.bytesOf(record), db.keyOffset(record), db.keyLength(record));
}

function randomkey(call: Call): void {
  const { db, reply } = call;
  const record = db.randomKey();
  if (record === 0) reply.nil();
  else reply.bulk(db.bytesOf(record), db.keyOffset(record), db.keyLength(record));
}
