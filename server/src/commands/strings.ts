/** SET, GET and what stores, reads or replaces whole strings. Parts of strings: string-ranges.ts; arithmetic: counters.ts. */

import { EventClass } from "../keyspace/event-classes.ts";
import { KEEP_TTL, NO_EXPIRY } from "../keyspace/record.ts";
import { ValueType } from "../values/value-type.ts";
import { type ExpireUnit, expireTimeArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, keyRange, oneKey } from "./command.ts";
import { CommandError, ERRORS, wrongArity } from "./errors.ts";
import { parseStringOptions } from "./string-options.ts";

export const stringCommands = defineCommands([
  {
    name: "get",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "string",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Gives the string stored at a key.",
    syntax: "key",
    run: get,
  },
  {
    name: "set",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: [
      {
        flags: ["RW", "access", "update", "variable_flags"],
        begin: { index: 1 },
        find: { last: 0, step: 1, limit: 0 },
      },
    ],
    group: "string",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Stores a string at a key, whatever was there before.",
    syntax:
      "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    isQuick: true,
    run: set,
  },
  {
    name: "setnx",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("OW", "insert"),
    group: "string",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Stores a string at a key that does not exist.",
    syntax: "key value",
    run: setnx,
  },
  {
    name: "setex",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: oneKey("OW", "update"),
    group: "string",
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Stores a string with a time to live in seconds.",
    syntax: "key seconds value",
    isQuick: true,
    run: (call) => setWithTtl(call, SECONDS, "setex"),
  },
  {
    name: "psetex",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: oneKey("OW", "update"),
    group: "string",
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Stores a string with a time to live in milliseconds.",
    syntax: "key milliseconds value",
    isQuick: true,
    run: (call) => setWithTtl(call, MILLISECONDS, "psetex"),
  },
  {
    name: "getset",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "string",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Stores a string at a key and gives the one it replaces.",
    syntax: "key value",
    run: getset,
  },
  {
    name: "getdel",
    arity: 2,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    group: "string",
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Gives the string at a key and deletes the key.",
    syntax: "key",
    run: getdel,
  },
  {
    name: "getex",
    arity: -2,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "string",
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Gives the string at a key and changes when it expires.",
    syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
    run: getex,
  },
  {
    name: "mget",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: keyRange(1, -1, 1, "RO", "access"),
    tips: ["request_policy:multi_shard"],
    group: "string",
    since: "1.0.0",
    complexity: "O(N) in the number of keys",
    summary: "Gives the strings at several keys, nil where there is none.",
    syntax: "key [key ...]",
    run: mget,
  },
  {
    name: "mset",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: keyRange(1, -1, 2, "OW", "update"),
    tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
    group: "string",
    since: "1.0.1",
    complexity: "O(N) in the number of keys",
    summary: "Stores several strings as one step.",
    syntax: "key value [key value ...]",
    run: mset,
  },
  {
    name: "msetnx",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: keyRange(1, -1, 2, "OW", "insert"),
    tips: ["request_policy:multi_shard", "response_policy:agg_min"],
    group: "string",
    since: "1.0.1",
    complexity: "O(N) in the number of keys",
    summary: "Stores several strings if none of the keys exists.",
    syntax: "key value [key value ...]",
    run: msetnx,
  },
]);

const SECONDS: ExpireUnit = { isSeconds: true, isAbsolute: false };
const MILLISECONDS: ExpireUnit = { isSeconds: false, isAbsolute: false };
function get(call: Call): void {
  const record = call.db.lookupRead(call.buffer, call.offset[1] as number, call.length[1] as number);
  if (record === 0) call.reply.nil();
  else replyString(call, record);
}

/** Appends the string of a record, or WRONGTYPE. False if it was no string. */
function replyString(call: Call, record: number): boolean {
  const { db } = call;
  if (db.typeOf(record) !== ValueType.string) {
    call.reply.error(ERRORS.wrongType);
    return false;
  }
  call.reply.bulk(db.arena.bytes[record >>> 23] as Buffer, db.valueOffset(record), db.valueLength(record));
  return true;
}

function store(call: Call, key: number, value: number, expireAtMs: number): void {
  const { buffer, offset, length } = call;
  const keyOffset = offset[key] as number;
  const keyLength = length[key] as number;
  call.db.setString(buffer, keyOffset, keyLength, buffer, offset[value] as number, length[value] as number, expireAtMs);
  call.db.signalModified(buffer, keyOffset, keyLength);
  call.notify(EventClass.string, "set", key);
}

function set(call: Call): void {
  if (call.argc === 3) {
    store(call, 1, 2, NO_EXPIRY);
    call.reply.ok();
  } else setWithOptions(call);
}

function setWithOptions(call: Call): void {
  const options = parseStringOptions(call, 3, "set");
  const { db, buffer, reply } = call;
  const offset = call.offset[1] as number;
  const length = call.length[1] as number;
  const expireAtMs =
    options.unit === undefined ? NO_EXPIRY : expireTimeArgument(call, options.timeArgument, options.unit, "set");
  const record = options.isGet ? db.lookupRead(buffer, offset, length) : db.lookupWrite(buffer, offset, length);
  if (options.isGet) {
    if (record === 0) reply.nil();
    else if (!replyString(call, record)) return;
  }
  const isRefused = options.condition === "nx" ? record !== 0 : options.condition === "xx" && record === 0;
  if (isRefused) {
    if (!options.isGet) reply.nil();
    return;
  }
  store(call, 1, 2, options.keepTtl ? KEEP_TTL : expireAtMs);
  if (expireAtMs !== NO_EXPIRY) call.notify(EventClass.generic, "expire", 1);
  if (!options.isGet) reply.ok();
  if (expireAtMs !== NO_EXPIRY) call.propagateInstead("SET", call.copy(1), call.copy(2), "PXAT", expireAtMs);
  else if (options.isGet) propagateWithoutGet(call);
}

function propagateWithoutGet(call: Call): void {
  const args: Buffer[] = [];
  for (let i = 0; i < call.argc; i++) if (i < 3 || !call.is(i, "get")) args.push(call.copy(i));
  call.propagateWords(args);
}

function setnx(call: Call): void {
  if (call.db.lookupWrite(call.buffer, call.offset[1] as number, call.length[1] as number) !== 0) {
    call.reply.integer(0);
    return;
  }
  store(call, 1, 2, NO_EXPIRY);
  call.reply.integer(1);
}

function setWithTtl(call: Call, unit: ExpireUnit, name: string): void {
  const expireAtMs = expireTimeArgument(call, 2, unit, name);
  store(call, 1, 3, expireAtMs);
  call.notify(EventClass.generic, "expire", 1);
  call.reply.ok();
  call.propagateInstead("SET", call.copy(1), call.copy(3), "PXAT", expireAtMs);
}

function getset(call: Call): void {
  const record = call.db.lookupRead(call.buffer, call.offset[1] as number, call.length[1] as number);
  if (record === 0) call.reply.nil();
  else if (!replyString(call, record)) return;
  store(call, 1, 2, NO_EXPIRY);
  call.propagateInstead("SET", call.copy(1), call.copy(2));
}

function getdel(call: Call): void {
  const { db, buffer } = call;
  const offset = call.offset[1] as number;
  const length = call.length[1] as number;
  const record = db.lookupRead(buffer, offset, length);
  if (record === 0) {
    call.reply.nil();
    return;
  }
  if (!replyString(call, record)) return;
  db.delete(buffer, offset, length);
  db.signalModified(buffer, offset, length);
  call.notify(EventClass.generic, "del", 1);
  call.propagateInstead("DEL", call.copy(1));
}

function getex(call: Call): void {
  const { db, buffer } = call;
  const offset = call.offset[1] as number;
  const length = call.length[1] as number;
  const { isPersist, unit, timeArgument } = parseStringOptions(call, 2, "getex");
  const record = db.lookupRead(buffer, offset, length);
  if (record === 0) {
    call.reply.nil();
    return;
  }
  if (db.typeOf(record) !== ValueType.string) throw new CommandError(ERRORS.wrongType);
  const expireAtMs = unit === undefined ? NO_EXPIRY : expireTimeArgument(call, timeArgument, unit, "getex");
  replyString(call, record);
  if (expireAtMs !== NO_EXPIRY) expireOrDelete(call, record, expireAtMs);
  else if (isPersist && db.expireAtOf(record) !== NO_EXPIRY) {
    db.persist(record);
    db.signalModified(buffer, offset, length);
    call.notify(EventClass.generic, "persist", 1);
    call.propagateInstead("PERSIST", call.copy(1));
  }
}

function expireOrDelete(call: Call, record: number, expireAtMs: number): void {
  const { db, buffer } = call;
  const offset = call.offset[1] as number;
  const length = call.length[1] as number;
  if (expireAtMs <= call.nowMs && call.server.keyspace.deletesExpired) {
    db.delete(buffer, offset, length);
    call.notify(EventClass.generic, "del", 1);
    call.propagateInstead("DEL", call.copy(1));
  } else {
    db.setExpire(record, expireAtMs);
    call.notify(EventClass.generic, "expire", 1);
    call.propagateInstead("PEXPIREAT", call.copy(1), expireAtMs);
  }
  db.signalModified(buffer, offset, length);
}

function mget(call: Call): void {
  const { db, reply } = call;
  reply.array(call.argc - 1);
  for (let i = 1; i < call.argc; i++) {
    const record = db.lookupRead(call.buffer, call.offset[i] as number, call.length[i] as number);
    if (record === 0 || db.typeOf(record) !== ValueType.string) reply.nil();
    else reply.bulk(db.arena.bytes[record >>> 23] as Buffer, db.valueOffset(record), db.valueLength(record));
  }
}

function mset(call: Call): void {
  if ((call.argc & 1) === 0) {
    call.reply.error(wrongArity("mset"));
    return;
  }
  for (let i = 1; i < call.argc; i += 2) store(call, i, i + 1, NO_EXPIRY);
  call.reply.ok();
}

function msetnx(call: Call): void {
  if ((call.argc & 1) === 0) {
    call.reply.error(wrongArity("msetnx"));
    return;
  }
  for (let i = 1; i < call.argc; i += 2) {
    if (call.db.lookupWrite(call.buffer, call.offset[i] as number, call.length[i] as number) !== 0) {
      call.reply.integer(0);
      return;
    }
  }
  for (let i = 1; i < call.argc; i += 2) store(call, i, i + 1, NO_EXPIRY);
  call.reply.integer(1);
}
