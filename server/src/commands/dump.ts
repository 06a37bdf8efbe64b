/** DUMP and RESTORE: values as bytes that other servers understand. The bytes themselves: persistence/value-payload.ts. */

import { EventClass } from "../keyspace/event-classes.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { integerArgument, LARGEST_MOMENT_MS } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

const RESTORE_SYNTAX = "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]";
const RESTORE_COST = "O(N) in the size of the value, O(N*log(N)) for a sorted set";

export const dumpCommands = defineCommands([
  {
    name: "dump",
    arity: 2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "generic",
    tips: ["nondeterministic_output"],
    since: "2.6.0",
    complexity: "O(N) in the size of the value",
    summary: "Gives the value of a key as bytes that RESTORE takes.",
    syntax: "key",
    run: dump,
  },
  {
    name: "restore",
    arity: -4,
    flags: ["write", "denyoom"],
    keys: oneKey("OW", "update"),
    group: "generic",
    categories: ["dangerous"],
    since: "2.6.0",
    complexity: RESTORE_COST,
    summary: "Makes a key from the bytes that DUMP gave.",
    syntax: RESTORE_SYNTAX,
    run: restore,
  },
  {
    name: "restore-asking",
    arity: -4,
    flags: ["write", "denyoom", "asking"],
    keys: oneKey("OW", "update"),
    group: "server",
    categories: ["keyspace", "dangerous"],
    since: "3.0.0",
    complexity: RESTORE_COST,
    summary: "Does what RESTORE does, in a slot that is being imported.",
    syntax: RESTORE_SYNTAX,
    run: restore,
  },
]);

function dump(call: Call): void {
  const record = call.db.lookupRead(call.buffer, call.offset[1] as number, call.length[1] as number);
  if (record === 0) call.reply.nil();
  else call.reply.bulkBuffer(call.server.payloads.dump(record));
}

interface RestoreOptions {
  isReplace: boolean;
  isAbsolute: boolean;
  /** −1: not given. */
  idleSeconds: number;
  frequency: number;
}

function restoreOptions(call: Call): RestoreOptions {
  const options = { isReplace: false, isAbsolute: false, idleSeconds: -1, frequency: -1 };
  for (let i = 4; i < call.argc; i++) {
    const hasValue = i + 1 < call.argc;
    if (call.is(i, "replace")) options.isReplace = true;
    else if (call.is(i, "absttl")) options.isAbsolute = true;
    else if (call.is(i, "idletime") && hasValue && options.frequency === -1) {
      options.idleSeconds = integerArgument(call, ++i);
      if (options.idleSeconds < 0) throw new CommandError("ERR Invalid IDLETIME value, must be >= 0");
    } else if (call.is(i, "freq") && hasValue && options.idleSeconds === -1) {
      options.frequency = integerArgument(call, ++i);
      if (options.frequency < 0 || options.frequency > 255) {
        throw new CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255");
      }
    } else throw new CommandError(ERRORS.syntax);
  }
  return options;
}

function restore(call: Call): void {
  const { db, buffer, server } = call;
  const offset = call.offset[1] as number;
  const length = call.length[1] as number;
  const options = restoreOptions(call);
  if (!options.isReplace && db.lookupWrite(buffer, offset, length) !== 0) {
    throw new CommandError("BUSYKEY Target key name already exists.");
  }
  const ttl = integerArgument(call, 2);
  if (ttl < 0) throw new CommandError("ERR Invalid TTL value, must be >= 0");
  const payloadOffset = call.offset[3] as number;
  const payloadLength = call.length[3] as number;
  const { payloads } = server;
  const { skipsChecksums } = server.debugSwitches;
  if (!payloads.isIntact(buffer, payloadOffset, payloadLength, skipsChecksums)) {
    throw new CommandError("ERR DUMP payload version or checksum are wrong");
  }
  const expireAtMs = expireMomentOf(call, ttl, options.isAbsolute);
  const name = new ByteSpan();
  name.set(buffer, offset, length);
  if (!payloads.read({ name, expireAtMs }, buffer, payloadOffset, payloadLength)) {
    throw new CommandError("ERR Bad data format");
  }
  const isDeleted = options.isReplace && db.delete(buffer, offset, length);
  if (isOver(call, expireAtMs)) {
    payloads.drop(name);
    finishWithoutKey(call, isDeleted);
    return;
  }
  payloads.place(name, db);
  noteUse(call, options);
  db.signalModified(buffer, offset, length);
  call.notify(EventClass.generic, "restore", 1);
  if (ttl !== 0 && !options.isAbsolute) propagateAbsolute(call, expireAtMs);
  call.reply.ok();
}

/** 0: never. A time from now that 64 bits cannot hold has run out, as in Redis. */
function expireMomentOf(call: Call, ttl: number, isAbsolute: boolean): number {
  if (ttl === 0 || isAbsolute) return Math.min(ttl, LARGEST_MOMENT_MS);
  const moment = ttl + call.nowMs;
  return moment > LARGEST_MOMENT_MS ? 1 : moment;
}

/** Whether the time is past already. A replica and a loading server keep such keys until they are told to delete them. */
function isOver(call: Call, expireAtMs: number): boolean {
  return expireAtMs !== 0 && expireAtMs <= call.nowMs && call.server.keyspace.deletesExpired;
}

function finishWithoutKey(call: Call, isDeleted: boolean): void {
  call.reply.ok();
  if (!isDeleted) return;
  call.signalModified(1);
  call.notify(EventClass.generic, "del", 1);
  call.propagateInstead("DEL", call.copy(1));
}

function noteUse(call: Call, { idleSeconds, frequency }: RestoreOptions): void {
  if (idleSeconds < 0 && frequency < 0) return;
  const { eviction } = call.server.keyspace;
  const record = call.db.peek(call.buffer, call.offset[1] as number, call.length[1] as number);
  if (record === 0) return;
  if (idleSeconds >= 0) eviction.setIdleSeconds(record, idleSeconds);
  else eviction.setFrequency(record, frequency);
}

/** Replicas get the moment, not the time from now. */
function propagateAbsolute(call: Call, expireAtMs: number): void {
  const options = call.copies(4, call.argc);
  call.propagateInstead(call.copy(0), call.copy(1), String(expireAtMs), call.copy(3), ...options, "ABSTTL");
}
