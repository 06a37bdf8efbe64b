/**
 * Reading or writing fields of a hash and what goes with it in one step: HGETDEL, HGETEX, HSETEX, as Redis 8 and Valkey 9
 * agree on them. Replicas and the AOF get commands that servers of 7.4 know: HDEL, HPEXPIREAT, HPERSIST, HSET.
 */

import { EventClass } from "../keyspace/event-classes.ts";
import { ValueType } from "../values/value-type.ts";
import { EXPIRE_UNITS, rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { openForWrite } from "./collection-keys.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, cString, wrongArity } from "./errors.ts";
import { dropExpired, storeHash, writeHash } from "./hash-access.ts";
import { isPast } from "./hash-expiry.ts";
import { copies, fieldExpireTime, fieldsArgument } from "./hash-field-arguments.ts";

const TIMES = "EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds";

export const hashCombinedCommands = defineCommands([
  {
    name: "hgetdel",
    arity: -5,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    group: "hash",
    since: "8.0.0",
    complexity: "O(N) in the number of fields named",
    summary: "Gives the values of fields and removes them.",
    syntax: "key FIELDS <numfields field [field ...]>",
    run: hgetdel,
  },
  {
    name: "hgetex",
    arity: -5,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "hash",
    since: "8.0.0",
    complexity: "O(N) in the number of fields named",
    summary: "Gives the values of fields, and lets them expire or takes their expiry off.",
    syntax: `key [${TIMES} | PERSIST] FIELDS <numfields field [field ...]>`,
    run: hgetex,
  },
  {
    name: "hsetex",
    arity: -6,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "update"),
    group: "hash",
    since: "8.0.0",
    complexity: "O(N) in the number of fields set",
    summary: "Sets fields and lets them expire.",
    syntax: `key [FNX | FXX] [${TIMES} | KEEPTTL] FIELDS <numfields <field value [field value ...]>>`,
    run: hsetex,
  },
]);

function hgetdel(call: Call): void {
  const { hash } = call.server.collections;
  let record = openForWrite(call, 1, ValueType.hash, hash);
  const first = fieldsArgument(call, 2);
  if (record !== 0 && !dropExpired(call, record, first, 1)) record = 0;
  const found: number[] = [];
  call.reply.array(call.argc - first);
  for (let i = first; i < call.argc; i++) {
    if (!replyValue(call, record, i)) continue;
    hash.delete(call.buffer, call.offset[i] as number, call.length[i] as number);
    found.push(i);
  }
  if (found.length === 0) return;
  storeHash(call, record, "hdel");
  call.propagateWords(["HDEL", call.copy(1), ...copies(call, found)]);
}

function hgetex(call: Call): void {
  const { hash } = call.server.collections;
  let record = openForWrite(call, 1, ValueType.hash, hash);
  const unit = EXPIRE_UNITS.get(call.text(2).toLowerCase());
  const isPersist = call.is(2, "persist");
  const at = unit === undefined ? 0 : fieldExpireTime(call, 3, unit, "hgetex");
  const first = fieldsArgument(call, unit !== undefined ? 4 : isPersist ? 3 : 2);
  if (record !== 0 && !dropExpired(call, record, first, 1)) record = 0;
  const changed: number[] = [];
  call.reply.array(call.argc - first);
  for (let i = first; i < call.argc; i++) {
    if (replyValue(call, record, i) && (unit !== undefined || isPersist) && changeExpiry(call, i, at)) changed.push(i);
  }
  if (changed.length === 0) return;
  storeHash(call, record, isPersist ? "hpersist" : isPast(call, at) ? "hdel" : "hexpire");
  const fields = copies(call, changed);
  if (isPersist) call.propagateWords(["HPERSIST", call.copy(1), "FIELDS", fields.length, ...fields]);
  else propagateExpiry(call, at, fields);
}

/** Replies with the value of the field; false, and a nil, if there is none. */
function replyValue(call: Call, record: number, index: number): boolean {
  const { hash, span } = call.server.collections;
  if (record === 0 || !hash.get(call.buffer, call.offset[index] as number, call.length[index] as number, span)) {
    call.reply.nil();
    return false;
  }
  call.reply.bulk(span.buffer, span.offset, span.length);
  return true;
}

/** Lets a field that is there expire, or never (0); a moment that is past deletes it. True if that changed anything. */
function changeExpiry(call: Call, index: number, at: number): boolean {
  const { hash } = call.server.collections;
  const offset = call.offset[index] as number;
  const length = call.length[index] as number;
  if (at === 0 && hash.expireAtOf(call.buffer, offset, length) === 0) return false;
  if (at !== 0 && isPast(call, at)) hash.delete(call.buffer, offset, length);
  else hash.setExpiry(call.buffer, offset, length, at);
  return true;
}

function propagateExpiry(call: Call, at: number, fields: readonly Buffer[]): void {
  if (isPast(call, at)) call.propagateWords(["HDEL", call.copy(1), ...fields]);
  else call.propagateWords(["HPEXPIREAT", call.copy(1), at, "FIELDS", fields.length, ...fields]);
}

interface HsetexOptions {
  readonly condition: "fnx" | "fxx" | undefined;
  /** 0: none. */
  readonly at: number;
  readonly keepsExpiry: boolean;
  readonly first: number;
}

function hsetex(call: Call): void {
  const options = hsetexOptions(call);
  const { hash } = call.server.collections;
  const { first, at, keepsExpiry } = options;
  const record = writeHash(call, first, 2);
  if (!isMet(call, record !== 0, options)) {
    call.reply.integer(0);
    return;
  }
  call.reply.integer(1);
  if (at !== 0 && isPast(call, at)) {
    deleteFields(call, record, first);
    return;
  }
  if (record === 0) hash.create();
  hash.prepareFor((call.argc - first) >>> 1);
  for (let i = first; i < call.argc; i += 2) {
    const offset = call.offset[i] as number;
    const length = call.length[i] as number;
    hash.set(
      ...([call.buffer, offset, length] as const),
      ...([call.buffer, call.offset[i + 1] as number, call.length[i + 1] as number] as const),
      keepsExpiry,
    );
    if (at !== 0) hash.setExpiry(call.buffer, offset, length, at);
  }
  propagateSet(call, first);
  storeHash(call, record, "hset");
  if (at !== 0) call.notify(EventClass.hash, "hexpire", 1);
}

/** An HSET takes expiry times off, so they are said again behind it: those just set, or those that were kept. */
function propagateSet(call: Call, first: number): void {
  const { hash } = call.server.collections;
  const words: Buffer[] = [];
  const fieldsByTime = new Map<number, Buffer[]>();
  for (let i = first; i < call.argc; i++) {
    words.push(call.copy(i));
    if (((i - first) & 1) === 1) continue;
    const at = hash.expireAtOf(call.buffer, call.offset[i] as number, call.length[i] as number) ?? 0;
    if (at === 0) continue;
    const fields = fieldsByTime.get(at);
    if (fields === undefined) fieldsByTime.set(at, [call.copy(i)]);
    else fields.push(call.copy(i));
  }
  call.propagateWords(["HSET", call.copy(1), ...words]);
  for (const [at, fields] of fieldsByTime) propagateExpiry(call, at, fields);
}

/** To set fields that expire at once is to delete them. */
function deleteFields(call: Call, record: number, first: number): void {
  const { hash } = call.server.collections;
  if (record === 0) return;
  const found: number[] = [];
  for (let i = first; i < call.argc; i += 2) {
    if (hash.delete(call.buffer, call.offset[i] as number, call.length[i] as number)) found.push(i);
  }
  if (found.length === 0) return;
  storeHash(call, record, "hdel");
  call.propagateWords(["HDEL", call.copy(1), ...copies(call, found)]);
}

/** FNX wants none of the fields to be there, FXX all of them. */
function isMet(call: Call, exists: boolean, { condition, first }: HsetexOptions): boolean {
  if (condition === undefined) return true;
  const { hash } = call.server.collections;
  const wanted = condition === "fxx";
  for (let i = first; i < call.argc; i += 2) {
    const has = exists && hash.has(call.buffer, call.offset[i] as number, call.length[i] as number);
    if (has !== wanted) return false;
  }
  return true;
}

const LARGEST_INT32 = 2 ** 31 - 1;

function hsetexOptions(call: Call): HsetexOptions {
  let condition: HsetexOptions["condition"];
  let at: number | undefined;
  let keepsExpiry = false;
  for (let i = 2; i < call.argc; i++) {
    const word = call.text(i).toLowerCase();
    const unit = EXPIRE_UNITS.get(word);
    if (word === "fields") return { condition, at: at ?? 0, keepsExpiry, first: pairsArgument(call, i) };
    if (unit !== undefined || word === "keepttl") {
      if (at !== undefined || keepsExpiry) {
        throw new CommandError("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
      }
      if (unit === undefined) keepsExpiry = true;
      else if (i + 1 === call.argc) throw new CommandError("ERR missing expire time");
      else at = fieldExpireTime(call, ++i, unit, "hsetex");
    } else if (word === "fnx" || word === "fxx") {
      if (condition !== undefined) throw new CommandError("ERR Only one of FXX or FNX arguments can be specified");
      condition = word;
    } else throw new CommandError(`ERR unknown argument: ${cString(call.text(i))}`);
  }
  throw new CommandError("ERR missing FIELDS argument");
}

/** Reads `numfields field value …` behind FIELDS; gives the first field's place. */
function pairsArgument(call: Call, index: number): number {
  const first = index + 2;
  if (call.argc < first + 2) throw new CommandError(wrongArity("hsetex"));
  const count = rangedArgument(call, index + 1, 1, "ERR invalid number of fields");
  if (count > LARGEST_INT32) throw new CommandError("ERR invalid number of fields");
  if (count * 2 !== call.argc - first) throw new CommandError(wrongArity("hsetex"));
  return first;
}
