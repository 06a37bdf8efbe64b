/** HyperLogLogs: PFADD, PFCOUNT, PFMERGE, and PFDEBUG and PFSELFTEST for tests. */

import { EventClass } from "../keyspace/event-classes.ts";
import { registerOf } from "../memory/murmur-hash.ts";
import {
  denseRegister,
  estimateOfRegisters,
  HLL_HEADER_BYTES,
  HLL_SEED,
  invalidateCount,
  isDense,
  mergeRegisters,
  REGISTERS,
} from "../values/hyper-log-log.ts";
import { isLongZeros, opcodeBytes, runLength, runValue } from "../values/hyper-log-log-sparse.ts";
import type { Call } from "./call.ts";
import { defineCommands, keyAt, keyRange, oneKey } from "./command.ts";
import { CommandError, cString } from "./errors.ts";
import {
  asRaw,
  corrupted,
  countOf,
  createHyperLogLog,
  hyperLogLogForRead,
  hyperLogLogForWrite,
  makeDense,
  raiseRegister,
} from "./hyper-log-log-registers.ts";
import { selfTest } from "./hyper-log-log-self-test.ts";

export const hyperLogLogCommands = defineCommands([
  {
    name: "pfadd",
    arity: -2,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "insert"),
    group: "hyperloglog",
    since: "2.8.9",
    complexity: "O(1) for each element",
    summary: "Adds elements to the HyperLogLog at a key, which is created if need be.",
    syntax: "key [element [element ...]]",
    run: pfadd,
  },
  {
    name: "pfcount",
    arity: -2,
    flags: ["readonly", "may_replicate"],
    keys: keyRange(1, -1, 1, "RW", "access"),
    group: "hyperloglog",
    since: "2.8.9",
    complexity: "O(1) for one key; O(N) in the number of keys for several, with a large constant",
    summary: "Estimates how many different elements were added to HyperLogLogs, taken together.",
    syntax: "key [key ...]",
    run: pfcount,
  },
  {
    name: "pfmerge",
    arity: -2,
    flags: ["write", "denyoom"],
    keys: [
      keyAt(1, "RW", "access", "insert"),
      { flags: ["RO", "access"], begin: { index: 2 }, find: { last: -1, step: 1, limit: 0 } },
    ],
    group: "hyperloglog",
    since: "2.8.9",
    complexity: "O(N) in the number of keys, with a large constant",
    summary: "Merges HyperLogLogs into one.",
    syntax: "destkey [sourcekey [sourcekey ...]]",
    run: pfmerge,
  },
  {
    name: "pfdebug",
    arity: 3,
    flags: ["write", "denyoom", "admin"],
    keys: [keyAt(2, "RW", "access")],
    group: "hyperloglog",
    since: "2.8.9",
    complexity: "N/A",
    summary: "Shows the inside of a HyperLogLog.",
    syntax: "subcommand key",
    run: pfdebug,
  },
  {
    name: "pfselftest",
    arity: 1,
    flags: ["admin"],
    group: "hyperloglog",
    since: "2.8.9",
    complexity: "N/A",
    summary: "Tests the arithmetic of HyperLogLogs.",
    syntax: "",
    run: pfselftest,
  },
]);

const INDEX_BITS = 14;

function pfadd(call: Call): void {
  const { buffer, db } = call;
  const found = hyperLogLogForWrite(call, 1);
  let record = found === 0 ? createHyperLogLog(call, 1) : found;
  let changes = found === 0 ? 1 : 0;
  for (let i = 2; i < call.argc; i++) {
    const register = registerOf(buffer, call.offset[i] as number, call.length[i] as number, HLL_SEED);
    const raised = raiseRegister(call, record, register & (REGISTERS - 1), register >>> INDEX_BITS);
    if (raised !== 0) {
      record = raised;
      changes++;
    }
  }
  if (changes > 0) {
    invalidateCount(db.bytesOf(record), db.valueOffset(record));
    changed(call, changes);
  }
  call.reply.integer(changes > 0 ? 1 : 0);
}

/** Argument 1 has got this many new values. */
function changed(call: Call, changes: number): void {
  call.signalModified(1);
  call.notify(EventClass.string, "pfadd", 1);
  call.server.keyspace.dirty += changes - 1;
}

function pfcount(call: Call): void {
  if (call.argc > 2) {
    const registers = new Uint8Array(REGISTERS);
    for (let i = 1; i < call.argc; i++) mergeArgument(call, i, registers);
    call.reply.integerText(String(estimateOfRegisters(registers)));
    return;
  }
  const found = hyperLogLogForRead(call, 1);
  if (found === 0) {
    call.reply.integer(0);
    return;
  }
  const { count, isNew } = countOf(call, asRaw(call, found));
  if (isNew) call.signalModified(1);
  call.reply.integerText(String(count));
}

/** Whether the HyperLogLog of the argument, whose registers are merged, is there and dense. */
function mergeArgument(call: Call, argument: number, registers: Uint8Array): boolean {
  const { db } = call;
  const record = hyperLogLogForRead(call, argument);
  if (record === 0) return false;
  const bytes = db.bytesOf(record);
  const offset = db.valueOffset(record);
  if (!mergeRegisters(registers, bytes, offset, db.valueLength(record))) throw corrupted();
  return isDense(bytes, offset);
}

function pfmerge(call: Call): void {
  const { db } = call;
  const registers = new Uint8Array(REGISTERS);
  let hasDense = false;
  for (let i = 1; i < call.argc; i++) if (mergeArgument(call, i, registers)) hasDense = true;
  const found = hyperLogLogForWrite(call, 1);
  let record = found === 0 ? createHyperLogLog(call, 1) : found;
  if (hasDense && !isDense(db.bytesOf(record), db.valueOffset(record))) record = makeDense(call, record);
  for (let index = 0; index < REGISTERS; index++) {
    const value = registers[index] as number;
    if (value !== 0) record = raiseRegister(call, record, index, value) || record;
  }
  invalidateCount(db.bytesOf(record), db.valueOffset(record));
  changed(call, 1);
  call.reply.ok();
}

const DEBUG_COMMANDS: ReadonlyMap<string, (call: Call, record: number) => void> = new Map(
  Object.entries<(call: Call, record: number) => void>({
    getreg: replyRegisters,
    decode: replyRuns,
    encoding: (call, record) =>
      call.reply.status(isDense(call.db.bytesOf(record), call.db.valueOffset(record)) ? "dense" : "sparse"),
    todense: (call, record) => call.reply.integer(densified(call, record) === record ? 0 : 1),
  }),
);

function pfdebug(call: Call): void {
  const record = hyperLogLogForWrite(call, 2);
  if (record === 0) throw new CommandError("ERR The specified key does not exist");
  const name = call.text(1);
  const run = DEBUG_COMMANDS.get(name.toLowerCase());
  if (run === undefined) throw new CommandError(`ERR Unknown PFDEBUG subcommand '${cString(name)}'`);
  run(call, record);
}

function replyRegisters(call: Call, found: number): void {
  const { db, reply } = call;
  const record = densified(call, found);
  reply.array(REGISTERS);
  for (let index = 0; index < REGISTERS; index++) {
    reply.integer(denseRegister(db.bytesOf(record), db.valueOffset(record), index));
  }
}

/** The record as a dense one; replicas are told if it was not. */
function densified(call: Call, record: number): number {
  const { db } = call;
  if (isDense(db.bytesOf(record), db.valueOffset(record))) return record;
  call.server.keyspace.dirty++;
  return makeDense(call, record);
}

function replyRuns(call: Call, record: number): void {
  const { db } = call;
  const bytes = db.bytesOf(record);
  const offset = db.valueOffset(record);
  if (isDense(bytes, offset)) throw new CommandError("ERR HLL encoding is not sparse");
  const runs: string[] = [];
  const end = offset + db.valueLength(record);
  for (let at = offset + HLL_HEADER_BYTES; at < end; at += opcodeBytes(bytes, at)) {
    const value = runValue(bytes, at);
    const length = runLength(bytes, at, end);
    runs.push(value === 0 ? `${isLongZeros(bytes, at) ? "Z" : "z"}:${length}` : `v:${value},${length}`);
  }
  call.reply.bulkString(runs.join(" "));
}

function pfselftest(call: Call): void {
  const fault = selfTest();
  if (fault === undefined) call.reply.ok();
  else call.reply.error(`TESTFAILED ${fault}`);
}
