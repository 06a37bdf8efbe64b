/** Commands on keys whatever they hold: DEL, EXISTS, TYPE, RENAME, COPY, OBJECT and so on. Listing keys: key-scan.ts. */

import { EventClass } from "../keyspace/event-classes.ts";
import { encodingName, typeName } from "../values/value-type.ts";
import { databaseArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, keyAt, keyRange, oneKey } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { referencesTo } from "./shared-integers.ts";

export const keyCommands = defineCommands([
  {
    name: "del",
    arity: -2,
    flags: ["write"],
    keys: keyRange(1, -1, 1, "RM", "delete"),
    tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
    group: "generic",
    since: "1.0.0",
    complexity: "O(N) in the number of keys; large values are freed in slices afterwards",
    summary: "Deletes keys.",
    syntax: "key [key ...]",
    run: del,
  },
  {
    name: "unlink",
    arity: -2,
    flags: ["write", "fast"],
    keys: keyRange(1, -1, 1, "RM", "delete"),
    tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
    group: "generic",
    since: "4.0.0",
    complexity: "O(1) for each key",
    summary: "Deletes keys, their memory is freed later.",
    syntax: "key [key ...]",
    run: del,
  },
  {
    name: "exists",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: keyRange(1, -1, 1, "RO"),
    tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
    group: "generic",
    since: "1.0.0",
    complexity: "O(N) in the number of keys",
    summary: "Counts which of the keys exist, one named twice twice.",
    syntax: "key [key ...]",
    run: (call) => countFound(call, "lookupUnused"),
  },
  {
    name: "touch",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: keyRange(1, -1, 1, "RO"),
    tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
    group: "generic",
    since: "3.2.1",
    complexity: "O(N) in the number of keys",
    summary: "Marks keys as just used and counts those that exist.",
    syntax: "key [key ...]",
    run: (call) => countFound(call, "lookupRead"),
  },
  {
    name: "type",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "generic",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Names the type of the value at a key.",
    syntax: "key",
    run: type,
  },
  {
    name: "rename",
    arity: 3,
    flags: ["write"],
    keys: [keyAt(1, "RW", "access", "delete"), keyAt(2, "OW", "update")],
    group: "generic",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Renames a key, in place of what has the new name.",
    syntax: "key newkey",
    run: (call) => rename(call, false),
  },
  {
    name: "renamenx",
    arity: 3,
    flags: ["write", "fast"],
    keys: [keyAt(1, "RW", "access", "delete"), keyAt(2, "OW", "insert")],
    group: "generic",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Renames a key if the new name is free.",
    syntax: "key newkey",
    run: (call) => rename(call, true),
  },
  {
    name: "copy",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: [keyAt(1, "RO", "access"), keyAt(2, "OW", "update")],
    group: "generic",
    since: "6.2.0",
    complexity: "O(N) in the size of the value",
    summary: "Copies the value of a key to another key.",
    syntax: "source destination [DB destination-db] [REPLACE]",
    run: copy,
  },
  {
    name: "move",
    arity: 3,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    group: "generic",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Moves a key to another database.",
    syntax: "key db",
    run: move,
  },
  {
    name: "object",
    arity: -2,
    flags: [],
    group: "generic",
    since: "2.2.3",
    complexity: "Depends on the subcommand",
    summary: "Looks at how a value is stored.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("object", "generic", "6.2.0", [
      {
        name: "encoding",
        arity: 3,
        flags: ["readonly"],
        keys: [keyAt(2, "RO")],
        tips: ["nondeterministic_output"],
        group: "generic",
        since: "2.2.3",
        complexity: "O(1)",
        summary: "Names the encoding of the value at a key.",
        syntax: "key",
        run: objectEncoding,
      },
      {
        name: "refcount",
        arity: 3,
        flags: ["readonly"],
        keys: [keyAt(2, "RO")],
        tips: ["nondeterministic_output"],
        group: "generic",
        since: "2.2.3",
        complexity: "O(1)",
        summary: "Gives the number of references to the value at a key.",
        syntax: "key",
        run: objectRefcount,
      },
      {
        name: "idletime",
        arity: 3,
        flags: ["readonly"],
        keys: [keyAt(2, "RO")],
        tips: ["nondeterministic_output"],
        group: "generic",
        since: "2.2.3",
        complexity: "O(1)",
        summary: "Gives the seconds since the value at a key was used.",
        syntax: "key",
        run: objectIdletime,
      },
      {
        name: "freq",
        arity: 3,
        flags: ["readonly"],
        keys: [keyAt(2, "RO")],
        tips: ["nondeterministic_output"],
        group: "generic",
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Gives the logarithmic use counter of the value at a key.",
        syntax: "key",
        run: objectFreq,
      },
    ]),
  },
]);

function del(call: Call): void {
  const { db, buffer } = call;
  let deleted = 0;
  for (let i = 1; i < call.argc; i++) {
    const offset = call.offset[i] as number;
    const length = call.length[i] as number;
    if (!db.delete(buffer, offset, length)) continue;
    db.signalModified(buffer, offset, length);
    call.notify(EventClass.generic, "del", i);
    deleted++;
  }
  call.reply.integer(deleted);
}

function countFound(call: Call, lookup: "lookupRead" | "lookupUnused"): void {
  let found = 0;
  for (let i = 1; i < call.argc; i++) {
    if (call.db[lookup](call.buffer, call.offset[i] as number, call.length[i] as number) !== 0) found++;
  }
  call.reply.integer(found);
}

function type(call: Call): void {
  const record = call.db.lookupUnused(call.buffer, call.offset[1] as number, call.length[1] as number);
  call.reply.status(record === 0 ? "none" : typeName(call.db.typeOf(record)));
}

function sameArgument(call: Call, first: number, second: number): boolean {
  const length = call.length[first] as number;
  if (length !== call.length[second]) return false;
  const start = call.offset[first] as number;
  const other = call.offset[second] as number;
  return call.buffer.compare(call.buffer, other, other + length, start, start + length) === 0;
}

function rename(call: Call, isNx: boolean): void {
  const { db, buffer, offset, length } = call;
  const record = db.lookupWrite(buffer, offset[1] as number, length[1] as number);
  if (record === 0) throw new CommandError(ERRORS.noSuchKey);
  const isTaken = db.lookupWrite(buffer, offset[2] as number, length[2] as number) !== 0;
  if (sameArgument(call, 1, 2)) {
    if (isNx) call.reply.integer(0);
    else call.reply.ok();
    return;
  }
  if (isTaken && isNx) {
    call.reply.integer(0);
    return;
  }
  if (isTaken) db.delete(buffer, offset[2] as number, length[2] as number);
  db.rename(buffer, offset[1] as number, length[1] as number, offset[2] as number, length[2] as number);
  db.signalModified(buffer, offset[1] as number, length[1] as number);
  db.signalModified(buffer, offset[2] as number, length[2] as number);
  call.notify(EventClass.generic, "rename_from", 1);
  call.notify(EventClass.generic, "rename_to", 2);
  if (isNx) call.reply.integer(1);
  else call.reply.ok();
}

function copy(call: Call): void {
  const { db, buffer, offset, length, server } = call;
  let isReplace = false;
  let target = db;
  for (let i = 3; i < call.argc; i++) {
    if (call.is(i, "replace")) isReplace = true;
    else if (call.is(i, "db") && i + 1 < call.argc) target = server.keyspace.database(databaseArgument(call, ++i));
    else throw new CommandError(ERRORS.syntax);
  }
  if (target === db && sameArgument(call, 1, 2)) throw new CommandError(ERRORS.sameObject);
  const record = db.lookupRead(buffer, offset[1] as number, length[1] as number);
  const toOffset = offset[2] as number;
  const toLength = length[2] as number;
  const isTaken = target.lookupWrite(buffer, toOffset, toLength) !== 0;
  if (record === 0 || (isTaken && !isReplace)) {
    call.reply.integer(0);
    return;
  }
  if (isTaken) target.delete(buffer, toOffset, toLength);
  db.copyTo(record, target, buffer, toOffset, toLength);
  target.signalModified(buffer, toOffset, toLength);
  target.changes.notify(EventClass.generic, "copy_to", buffer, toOffset, toLength);
  call.reply.integer(1);
}

function move(call: Call): void {
  const { db, buffer, server } = call;
  const offset = call.offset[1] as number;
  const length = call.length[1] as number;
  if (server.isClusterEnabled) throw new CommandError("ERR MOVE is not allowed in cluster mode");
  const target = server.keyspace.database(databaseArgument(call, 2));
  if (target === db) throw new CommandError(ERRORS.sameObject);
  const record = db.lookupWrite(buffer, offset, length);
  if (record === 0 || target.lookupWrite(buffer, offset, length) !== 0) {
    call.reply.integer(0);
    return;
  }
  db.moveTo(target, buffer, offset, length);
  db.signalModified(buffer, offset, length);
  target.signalModified(buffer, offset, length);
  call.notify(EventClass.generic, "move_from", 1);
  target.changes.notify(EventClass.generic, "move_to", buffer, offset, length);
  call.reply.integer(1);
}

/** The record at argument 2 without counting as a use; replies nil and gives 0 if there is none. */
function inspected(call: Call): number {
  const record = call.db.lookupState(call.buffer, call.offset[2] as number, call.length[2] as number);
  if (record === 0) call.reply.nil();
  return record;
}

function objectEncoding(call: Call): void {
  const record = inspected(call);
  if (record !== 0) call.reply.bulkString(encodingName(call.db.encodingOf(record)));
}

function objectRefcount(call: Call): void {
  const record = inspected(call);
  if (record !== 0) call.reply.integer(referencesTo(call, record));
}

function objectIdletime(call: Call): void {
  const record = inspected(call);
  if (record === 0) return;
  const { eviction } = call.server.keyspace;
  if (eviction.isLfu) {
    throw new CommandError(
      "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
  }
  call.reply.integer(eviction.idleSeconds(record));
}

function objectFreq(call: Call): void {
  const record = inspected(call);
  if (record === 0) return;
  const { eviction } = call.server.keyspace;
  if (!eviction.isLfu) {
    throw new CommandError(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
  }
  call.reply.integer(eviction.frequency(record));
}
