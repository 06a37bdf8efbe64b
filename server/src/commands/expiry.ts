/** The EXPIRE family. Replicas and the AOF get the moment, never a duration; a moment that is past deletes the key. */

import { EventClass } from "../keyspace/event-classes.ts";
import { NO_EXPIRY } from "../keyspace/record.ts";
import { type ExpireUnit, expireMoment, integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { type CommandFlag, defineCommands, oneKey } from "./command.ts";
import { CommandError, invalidExpireTime, unsupportedOption } from "./errors.ts";

const WRITE: readonly CommandFlag[] = ["write", "fast"];
const READ: readonly CommandFlag[] = ["readonly", "fast"];
const CONDITION_SYNTAX = "[NX | XX | GT | LT]";

export const expiryCommands = defineCommands([
  {
    name: "expire",
    arity: -3,
    flags: WRITE,
    keys: oneKey("RW", "update"),
    group: "generic",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Lets a key expire after so many seconds.",
    syntax: `key seconds ${CONDITION_SYNTAX}`,
    run: (call) => expire(call, { isSeconds: true, isAbsolute: false }, "expire"),
  },
  {
    name: "pexpire",
    arity: -3,
    flags: WRITE,
    keys: oneKey("RW", "update"),
    group: "generic",
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Lets a key expire after so many milliseconds.",
    syntax: `key milliseconds ${CONDITION_SYNTAX}`,
    run: (call) => expire(call, { isSeconds: false, isAbsolute: false }, "pexpire"),
  },
  {
    name: "expireat",
    arity: -3,
    flags: WRITE,
    keys: oneKey("RW", "update"),
    group: "generic",
    since: "1.2.0",
    complexity: "O(1)",
    summary: "Lets a key expire at a moment given in seconds since 1970.",
    syntax: `key unix-time-seconds ${CONDITION_SYNTAX}`,
    run: (call) => expire(call, { isSeconds: true, isAbsolute: true }, "expireat"),
  },
  {
    name: "pexpireat",
    arity: -3,
    flags: WRITE,
    keys: oneKey("RW", "update"),
    group: "generic",
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Lets a key expire at a moment given in milliseconds since 1970.",
    syntax: `key unix-time-milliseconds ${CONDITION_SYNTAX}`,
    run: (call) => expire(call, { isSeconds: false, isAbsolute: true }, "pexpireat"),
  },
  {
    name: "ttl",
    arity: 2,
    flags: READ,
    keys: oneKey("RO", "access"),
    tips: ["nondeterministic_output"],
    group: "generic",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Gives the seconds a key has left, −1 without expiry, −2 if it does not exist.",
    syntax: "key",
    run: (call) => replyTime(call, (at) => Math.floor((at - call.nowMs + 500) / 1000)),
  },
  {
    name: "pttl",
    arity: 2,
    flags: READ,
    keys: oneKey("RO", "access"),
    tips: ["nondeterministic_output"],
    group: "generic",
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Gives the milliseconds a key has left, −1 without expiry, −2 if it does not exist.",
    syntax: "key",
    run: (call) => replyTime(call, (at) => at - call.nowMs),
  },
  {
    name: "expiretime",
    arity: 2,
    flags: READ,
    keys: oneKey("RO", "access"),
    group: "generic",
    since: "7.0.0",
    complexity: "O(1)",
    summary: "Gives the moment a key expires, in seconds since 1970.",
    syntax: "key",
    run: (call) => replyTime(call, (at) => Math.floor((at + 500) / 1000)),
  },
  {
    name: "pexpiretime",
    arity: 2,
    flags: READ,
    keys: oneKey("RO", "access"),
    group: "generic",
    since: "7.0.0",
    complexity: "O(1)",
    summary: "Gives the moment a key expires, in milliseconds since 1970.",
    syntax: "key",
    run: (call) => replyTime(call, (at) => at),
  },
  {
    name: "persist",
    arity: 2,
    flags: WRITE,
    keys: oneKey("RW", "update"),
    group: "generic",
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Takes the expiry off a key.",
    syntax: "key",
    run: persist,
  },
]);

interface Conditions {
  readonly nx: boolean;
  readonly xx: boolean;
  readonly gt: boolean;
  readonly lt: boolean;
}

function expire(call: Call, unit: ExpireUnit, name: string): void {
  const { db, buffer } = call;
  const offset = call.offset[1] as number;
  const length = call.length[1] as number;
  const conditions = parseConditions(call);
  const at = expireMoment(call, integerArgument(call, 2), unit);
  if (at === undefined) throw new CommandError(invalidExpireTime(name));
  const record = db.lookupWrite(buffer, offset, length);
  if (record === 0 || !isAllowed(conditions, db.expireAtOf(record), at)) {
    call.reply.integer(0);
    return;
  }
  if (at <= call.nowMs && call.server.keyspace.deletesExpired) {
    db.delete(buffer, offset, length);
    call.propagateInstead("DEL", call.copy(1));
    call.notify(EventClass.generic, "del", 1);
  } else {
    db.setExpire(record, at);
    call.propagateInstead("PEXPIREAT", call.copy(1), at);
    call.notify(EventClass.generic, "expire", 1);
  }
  db.signalModified(buffer, offset, length);
  call.reply.integer(1);
}

function parseConditions(call: Call): Conditions {
  const conditions = { nx: false, xx: false, gt: false, lt: false };
  for (let i = 3; i < call.argc; i++) {
    const word = call.text(i).toLowerCase();
    if (word === "nx" || word === "xx" || word === "gt" || word === "lt") conditions[word] = true;
    else throw new CommandError(unsupportedOption(call.text(i)));
  }
  if (conditions.nx && (conditions.xx || conditions.gt || conditions.lt)) {
    throw new CommandError("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (conditions.gt && conditions.lt) {
    throw new CommandError("ERR GT and LT options at the same time are not compatible");
  }
  return conditions;
}

/** A key without expiry counts as one that expires never: GT cannot set it, LT can. */
function isAllowed(conditions: Conditions, current: number, at: number): boolean {
  if (conditions.nx && current !== NO_EXPIRY) return false;
  if (conditions.xx && current === NO_EXPIRY) return false;
  if (conditions.gt && (current === NO_EXPIRY || at <= current)) return false;
  return !(conditions.lt && current !== NO_EXPIRY && at >= current);
}

function replyTime(call: Call, timeOf: (expireAtMs: number) => number): void {
  const record = call.db.lookupUnused(call.buffer, call.offset[1] as number, call.length[1] as number);
  if (record === 0) {
    call.reply.integer(-2);
    return;
  }
  const at = call.db.expireAtOf(record);
  call.reply.integer(at === NO_EXPIRY ? -1 : Math.max(0, timeOf(at)));
}

function persist(call: Call): void {
  const { db, buffer } = call;
  const record = db.lookupWrite(buffer, call.offset[1] as number, call.length[1] as number);
  if (record === 0 || db.expireAtOf(record) === NO_EXPIRY) {
    call.reply.integer(0);
    return;
  }
  db.persist(record);
  db.signalModified(buffer, call.offset[1] as number, call.length[1] as number);
  call.notify(EventClass.generic, "persist", 1);
  call.reply.integer(1);
}
