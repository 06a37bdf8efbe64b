/** MSETEX: several strings stored as one step, with one expiry time and one condition for all of them. */

import { EventClass } from "../keyspace/event-classes.ts";
import { KEEP_TTL, NO_EXPIRY } from "../keyspace/record.ts";
import { expireTimeArgument, rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands } from "./command.ts";
import { CommandError } from "./errors.ts";
import { parseStringOptions } from "./string-options.ts";

export const stringBatchCommands = defineCommands([
  {
    name: "msetex",
    arity: -4,
    flags: ["write", "denyoom", "movablekeys"],
    keys: [{ flags: ["OW", "update"], begin: { index: 1 }, find: { countAt: 0, first: 1, step: 2 } }],
    group: "string",
    since: "8.4.0",
    complexity: "O(N) in the number of keys",
    summary: "Stores several strings as one step, with an expiry time for all of them.",
    syntax:
      "numkeys <key value> [<key value> ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    run: msetex,
  },
]);

const FIRST_KEY = 2;
const BAD_COUNT = "ERR invalid numkeys value";
const LARGEST_COUNT = 2 ** 31 - 1;

function msetex(call: Call): void {
  const count = rangedArgument(call, 1, 1, BAD_COUNT);
  if (count > LARGEST_COUNT) throw new CommandError(BAD_COUNT);
  const end = FIRST_KEY + 2 * count;
  if (end > call.argc) throw new CommandError("ERR wrong number of key-value pairs");
  const options = parseStringOptions(call, end, "msetex");
  const expireAtMs =
    options.unit === undefined ? NO_EXPIRY : expireTimeArgument(call, options.timeArgument, options.unit, "msetex");
  if (options.condition !== "none" && !holdsForAll(call, end, options.condition === "xx")) {
    call.reply.integer(0);
    return;
  }
  for (let key = FIRST_KEY; key < end; key += 2) store(call, key, options.keepTtl ? KEEP_TTL : expireAtMs);
  propagate(call, end, options.keepTtl, expireAtMs);
  call.reply.integer(1);
}

function holdsForAll(call: Call, end: number, wanted: boolean): boolean {
  for (let key = FIRST_KEY; key < end; key += 2) {
    const record = call.db.lookupWrite(call.buffer, call.offset[key] as number, call.length[key] as number);
    if ((record !== 0) !== wanted) return false;
  }
  return true;
}

function store(call: Call, key: number, expireAtMs: number): void {
  const { buffer, offset, length } = call;
  const value = key + 1;
  call.db.setString(
    buffer,
    offset[key] as number,
    length[key] as number,
    buffer,
    offset[value] as number,
    length[value] as number,
    expireAtMs,
  );
  call.signalModified(key);
  call.notify(EventClass.string, "set", key);
  if (expireAtMs > NO_EXPIRY) call.notify(EventClass.generic, "expire", key);
}

/** In commands that every version of Redis knows: it may be a replica of ours. */
function propagate(call: Call, end: number, keepTtl: boolean, expireAtMs: number): void {
  if (!keepTtl && expireAtMs === NO_EXPIRY) {
    call.propagateWords(["MSET", ...call.copies(FIRST_KEY, end)]);
    return;
  }
  const tail = keepTtl ? ["KEEPTTL"] : ["PXAT", expireAtMs];
  for (let key = FIRST_KEY; key < end; key += 2) {
    call.propagateInstead("SET", call.copy(key), call.copy(key + 1), ...tail);
  }
}
