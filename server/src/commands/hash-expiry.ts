/**
 * Fields that expire: HEXPIRE and its kin. Replicas and the AOF get the moment, never a duration, and an HDEL for fields
 * whose moment is past.
 */

import { ValueType } from "../values/value-type.ts";
import type { ExpireUnit } from "./arguments.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite } from "./collection-keys.ts";
import { type CommandFlag, defineCommands, oneKey } from "./command.ts";
import { dropExpired, storeHash } from "./hash-access.ts";
import { copies, fieldExpireTime, fieldsArgument } from "./hash-field-arguments.ts";

const WRITE: readonly CommandFlag[] = ["write", "denyoom", "fast"];
const READ: readonly CommandFlag[] = ["readonly", "fast"];
const COMPLEXITY = "O(N) in the number of fields named";
const CONDITION = "[NX | XX | GT | LT]";
const FIELDS = "FIELDS <numfields field [field ...]>";

export const hashExpiryCommands = defineCommands([
  {
    name: "hexpire",
    arity: -6,
    flags: WRITE,
    keys: oneKey("RW", "update"),
    group: "hash",
    since: "7.4.0",
    complexity: COMPLEXITY,
    summary: "Lets fields of a hash expire after so many seconds.",
    syntax: `key seconds ${CONDITION} ${FIELDS}`,
    run: (call) => hexpire(call, { isSeconds: true, isAbsolute: false }, "hexpire"),
  },
  {
    name: "hpexpire",
    arity: -6,
    flags: WRITE,
    keys: oneKey("RW", "update"),
    group: "hash",
    since: "7.4.0",
    complexity: COMPLEXITY,
    summary: "Lets fields of a hash expire after so many milliseconds.",
    syntax: `key milliseconds ${CONDITION} ${FIELDS}`,
    run: (call) => hexpire(call, { isSeconds: false, isAbsolute: false }, "hpexpire"),
  },
  {
    name: "hexpireat",
    arity: -6,
    flags: WRITE,
    keys: oneKey("RW", "update"),
    group: "hash",
    since: "7.4.0",
    complexity: COMPLEXITY,
    summary: "Lets fields of a hash expire at a moment given in seconds since 1970.",
    syntax: `key unix-time-seconds ${CONDITION} ${FIELDS}`,
    run: (call) => hexpire(call, { isSeconds: true, isAbsolute: true }, "hexpireat"),
  },
  {
    name: "hpexpireat",
    arity: -6,
    flags: WRITE,
    keys: oneKey("RW", "update"),
    group: "hash",
    since: "7.4.0",
    complexity: COMPLEXITY,
    summary: "Lets fields of a hash expire at a moment given in milliseconds since 1970.",
    syntax: `key unix-time-milliseconds ${CONDITION} ${FIELDS}`,
    run: (call) => hexpire(call, { isSeconds: false, isAbsolute: true }, "hpexpireat"),
  },
  {
    name: "hpersist",
    arity: -5,
    flags: ["write", "fast"],
    keys: oneKey("RW", "update"),
    group: "hash",
    since: "7.4.0",
    complexity: COMPLEXITY,
    summary: "Takes the expiry off fields of a hash.",
    syntax: `key ${FIELDS}`,
    run: hpersist,
  },
  {
    name: "httl",
    arity: -5,
    flags: READ,
    keys: oneKey("RO", "access"),
    group: "hash",
    tips: ["nondeterministic_output"],
    since: "7.4.0",
    complexity: COMPLEXITY,
    summary: "Gives the seconds fields of a hash have left.",
    syntax: `key ${FIELDS}`,
    run: (call) => replyTimes(call, (at) => toSeconds(at - call.nowMs)),
  },
  {
    name: "hpttl",
    arity: -5,
    flags: READ,
    keys: oneKey("RO", "access"),
    group: "hash",
    tips: ["nondeterministic_output"],
    since: "7.4.0",
    complexity: COMPLEXITY,
    summary: "Gives the milliseconds fields of a hash have left.",
    syntax: `key ${FIELDS}`,
    run: (call) => replyTimes(call, (at) => at - call.nowMs),
  },
  {
    name: "hexpiretime",
    arity: -5,
    flags: READ,
    keys: oneKey("RO", "access"),
    group: "hash",
    since: "7.4.0",
    complexity: COMPLEXITY,
    summary: "Gives the moments fields of a hash expire, in seconds since 1970.",
    syntax: `key ${FIELDS}`,
    run: (call) => replyTimes(call, toSeconds),
  },
  {
    name: "hpexpiretime",
    arity: -5,
    flags: READ,
    keys: oneKey("RO", "access"),
    group: "hash",
    since: "7.4.0",
    complexity: COMPLEXITY,
    summary: "Gives the moments fields of a hash expire, in milliseconds since 1970.",
    syntax: `key ${FIELDS}`,
    run: (call) => replyTimes(call, (at) => at),
  },
]);

/** What is said of each field. */
const FieldReply = { missing: -2, noExpiry: -1, refused: 0, done: 1, deleted: 2 } as const;

type Condition = "nx" | "xx" | "gt" | "lt";
const CONDITIONS: readonly Condition[] = ["nx", "xx", "gt", "lt"];

function hexpire(call: Call, unit: ExpireUnit, name: string): void {
  const { hash } = call.server.collections;
  let record = openForWrite(call, 1, ValueType.hash, hash);
  const at = fieldExpireTime(call, 2, unit, name);
  const condition = CONDITIONS.find((word) => call.is(3, word));
  const first = fieldsArgument(
    call,
    condition === undefined ? 3 : 4,
    "ERR Parameter `numFields` should be greater than 0",
  );
  if (record !== 0 && !dropExpired(call, record, first, 1)) record = 0;
  if (record === 0) {
    replyMissing(call, call.argc - first);
    return;
  }
  const changed: number[] = [];
  call.reply.array(call.argc - first);
  for (let i = first; i < call.argc; i++) {
    const result = expireField(call, i, at, condition);
    if (result > FieldReply.refused) changed.push(i);
    call.reply.integer(result);
  }
  if (changed.length === 0) return;
  storeHash(call, record, isPast(call, at) ? "hdel" : "hexpire");
  const fields = copies(call, changed);
  if (isPast(call, at)) call.propagateWords(["HDEL", call.copy(1), ...fields]);
  else call.propagateWords(["HPEXPIREAT", call.copy(1), at, "FIELDS", fields.length, ...fields]);
}

/** A moment that is past deletes, where deleting is ours to do. */
export function isPast(call: Call, at: number): boolean {
  return at <= call.nowMs && call.server.keyspace.deletesExpired;
}

function expireField(call: Call, index: number, at: number, condition: Condition | undefined): number {
  const { hash } = call.server.collections;
  const { buffer } = call;
  const offset = call.offset[index] as number;
  const length = call.length[index] as number;
  const current = hash.expireAtOf(buffer, offset, length);
  if (current === undefined) return FieldReply.missing;
  if (!isAllowed(condition, current, at)) return FieldReply.refused;
  if (isPast(call, at)) {
    hash.delete(buffer, offset, length);
    return FieldReply.deleted;
  }
  hash.setExpiry(buffer, offset, length, at);
  return FieldReply.done;
}

/** A field without expiry (0) counts as one that expires never: GT cannot set it, LT can. */
function isAllowed(condition: Condition | undefined, current: number, at: number): boolean {
  switch (condition) {
    case undefined:
      return true;
    case "nx":
      return current === 0;
    case "xx":
      return current !== 0;
    case "gt":
      return current !== 0 && at > current;
    case "lt":
      return current === 0 || at < current;
  }
}

function hpersist(call: Call): void {
  const { hash } = call.server.collections;
  const { buffer, reply } = call;
  let record = openForWrite(call, 1, ValueType.hash, hash);
  const first = fieldsArgument(call, 2);
  if (record !== 0 && !dropExpired(call, record, first, 1)) record = 0;
  if (record === 0) {
    replyMissing(call, call.argc - first);
    return;
  }
  let changed = 0;
  reply.array(call.argc - first);
  for (let i = first; i < call.argc; i++) {
    const offset = call.offset[i] as number;
    const length = call.length[i] as number;
    const current = hash.expireAtOf(buffer, offset, length);
    if (current === undefined) reply.integer(FieldReply.missing);
    else if (current === 0) reply.integer(FieldReply.noExpiry);
    else {
      hash.setExpiry(buffer, offset, length, 0);
      changed++;
      reply.integer(FieldReply.done);
    }
  }
  if (changed > 0) storeHash(call, record, "hpersist");
}

function replyTimes(call: Call, timeOf: (expireAtMs: number) => number): void {
  const { hash } = call.server.collections;
  const exists = openForRead(call, 1, ValueType.hash, hash);
  const first = fieldsArgument(call, 2);
  if (!exists) {
    replyMissing(call, call.argc - first);
    return;
  }
  call.reply.array(call.argc - first);
  for (let i = first; i < call.argc; i++) {
    const offset = call.offset[i] as number;
    const length = call.length[i] as number;
    const at = hash.has(call.buffer, offset, length) ? hash.expireAtOf(call.buffer, offset, length) : undefined;
    if (at === undefined) call.reply.integer(FieldReply.missing);
    else call.reply.integer(at === 0 ? FieldReply.noExpiry : timeOf(at));
  }
}

function replyMissing(call: Call, fields: number): void {
  call.reply.array(fields);
  for (let left = fields; left > 0; left--) call.reply.integer(FieldReply.missing);
}

function toSeconds(ms: number): number {
  return Math.floor((ms + 999) / 1000);
}
