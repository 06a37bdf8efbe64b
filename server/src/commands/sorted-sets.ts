/**
 * Sorted sets: members added, removed and looked up. Ranges: sorted-set-ranges.ts; taking and drawing: sorted-set-pops.ts;
 * unions and the like: sorted-set-algebra.ts. ZADD, ZINCRBY and ZSCORE are hot.
 */

import { parseDouble } from "../memory/double-parse.ts";
import { formatDouble, writeDouble } from "../memory/double-text.ts";
import { SetResult, type SortedSetValue } from "../values/sorted-set.ts";
import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite, store } from "./collection-keys.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, ERRORS, wrongArity } from "./errors.ts";

export const sortedSetCommands = defineCommands([
  {
    name: "zadd",
    arity: -4,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "update"),
    group: "sorted-set",
    since: "1.2.0",
    complexity: "O(log(N)) for each member",
    summary: "Adds members with scores, or changes the scores of members.",
    syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
    run: (call) => add(call, 0),
  },
  {
    name: "zincrby",
    arity: 4,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "sorted-set",
    since: "1.2.0",
    complexity: "O(log(N))",
    summary: "Adds to the score of a member.",
    syntax: "key increment member",
    run: (call) => add(call, INCREMENT),
  },
  {
    name: "zrem",
    arity: -3,
    flags: ["write", "fast"],
    keys: oneKey("RW", "delete"),
    group: "sorted-set",
    since: "1.2.0",
    complexity: "O(M*log(N)) for M members to remove",
    summary: "Removes members.",
    syntax: "key member [member ...]",
    run: zrem,
  },
  {
    name: "zscore",
    arity: 3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "sorted-set",
    since: "1.2.0",
    complexity: "O(1)",
    summary: "Gives the score of a member.",
    syntax: "key member",
    run: zscore,
  },
  {
    name: "zmscore",
    arity: -3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "sorted-set",
    since: "6.2.0",
    complexity: "O(N) in the number of members asked for",
    summary: "Gives the scores of several members.",
    syntax: "key member [member ...]",
    run: zmscore,
  },
  {
    name: "zcard",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "sorted-set",
    since: "1.2.0",
    complexity: "O(1)",
    summary: "Gives the number of members.",
    syntax: "key",
    run: zcard,
  },
  {
    name: "zrank",
    arity: -3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "sorted-set",
    since: "2.0.0",
    complexity: "O(log(N))",
    summary: "Gives the place of a member, lowest score first.",
    syntax: "key member [WITHSCORE]",
    run: (call) => rank(call, false, "zrank"),
  },
  {
    name: "zrevrank",
    arity: -3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "sorted-set",
    since: "2.0.0",
    complexity: "O(log(N))",
    summary: "Gives the place of a member, highest score first.",
    syntax: "key member [WITHSCORE]",
    run: (call) => rank(call, true, "zrevrank"),
  },
]);

const ONLY_NEW = 1;
const ONLY_EXISTING = 2;
const GREATER = 4;
const LESS = 8;
const INCREMENT = 16;
const COUNT_CHANGED = 32;
const NOT_A_NUMBER = "ERR resulting score is not a number (NaN)";
/** Score text on its way to the reply; never read after the call that wrote it. */
const SCORE_TEXT = Buffer.allocUnsafeSlow(32);

/** Appends a score: a bulk string in RESP2, a double in RESP3. */
export function replyScore(call: Call, score: number): void {
  const { reply } = call;
  if (reply.resp3) reply.doubleText(formatDouble(score));
  else reply.bulk(SCORE_TEXT, 0, writeDouble(SCORE_TEXT, 0, score));
}

function optionAt(call: Call, argument: number): number {
  if (call.is(argument, "nx")) return ONLY_NEW;
  if (call.is(argument, "xx")) return ONLY_EXISTING;
  if (call.is(argument, "gt")) return GREATER;
  if (call.is(argument, "lt")) return LESS;
  if (call.is(argument, "ch")) return COUNT_CHANGED;
  return call.is(argument, "incr") ? INCREMENT : 0;
}

function scoreArgument(call: Call, argument: number): number {
  const score = parseDouble(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (Number.isNaN(score)) throw new CommandError(ERRORS.notFloat);
  return score;
}

function checkOptions(options: number, pairs: number): void {
  const isNew = (options & ONLY_NEW) !== 0;
  const directions = options & (GREATER | LESS);
  if (isNew && (options & ONLY_EXISTING) !== 0) {
    throw new CommandError("ERR XX and NX options at the same time are not compatible");
  }
  if ((isNew && directions !== 0) || directions === (GREATER | LESS)) {
    throw new CommandError("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if ((options & INCREMENT) !== 0 && pairs > 1) {
    throw new CommandError("ERR INCR option supports a single increment-element pair");
  }
}

function add(call: Call, options: number): void {
  const { argc, length, reply } = call;
  let first = 2;
  for (; first < argc; first++) {
    const option = optionAt(call, first);
    if (option === 0) break;
    options |= option;
  }
  const values = argc - first;
  if (values === 0 || (values & 1) === 1) throw new CommandError(ERRORS.syntax);
  if (options !== 0) checkOptions(options, values >>> 1);
  let longest = 0;
  for (let i = first; i < argc; i += 2) {
    scoreArgument(call, i);
    longest = Math.max(longest, length[i + 1] as number);
  }
  const { sortedSet } = call.server.collections;
  const record = openForWrite(call, 1, ValueType.sortedSet, sortedSet);
  if (record === 0) {
    if ((options & ONLY_EXISTING) !== 0) {
      if ((options & INCREMENT) !== 0) reply.nil();
      else reply.integer(0);
      return;
    }
    sortedSet.create(values >>> 1, longest);
  } else {
    sortedSet.prepareFor(values >>> 1, longest);
    // Even if no member changes in the end, the old form is gone.
    if (sortedSet.root !== call.db.rootOf(record)) call.db.setRoot(record, sortedSet.root, sortedSet.encoding);
  }
  if ((options & INCREMENT) !== 0) increment(call, record, first, options);
  else addPairs(call, record, first, options);
}

function addPairs(call: Call, record: number, first: number, options: number): void {
  const { buffer, offset, length, argc } = call;
  const { sortedSet } = call.server.collections;
  const isConditional = (options & ~COUNT_CHANGED) !== 0;
  let added = 0;
  let updated = 0;
  for (let i = first; i < argc; i += 2) {
    const score = scoreArgument(call, i);
    if (isConditional && !isAllowed(call, sortedSet, i + 1, score, options)) continue;
    const result = sortedSet.set(score, buffer, offset[i + 1] as number, length[i + 1] as number);
    if (result === SetResult.added) added++;
    else if (result === SetResult.updated) updated++;
  }
  if (added + updated > 0) store(call, 1, record, ValueType.sortedSet, sortedSet, "zadd");
  call.reply.integer((options & COUNT_CHANGED) !== 0 ? added + updated : added);
}

/** Whether the options let the member at this argument have the score. */
function isAllowed(call: Call, zset: SortedSetValue, argument: number, score: number, options: number): boolean {
  const current = zset.score(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (Number.isNaN(current)) return (options & ONLY_EXISTING) === 0;
  if ((options & ONLY_NEW) !== 0) return false;
  if ((options & GREATER) !== 0 && score <= current) return false;
  return (options & LESS) === 0 || score < current;
}

function increment(call: Call, record: number, first: number, options: number): void {
  const { buffer, reply } = call;
  const offset = call.offset[first + 1] as number;
  const length = call.length[first + 1] as number;
  const { sortedSet } = call.server.collections;
  const current = sortedSet.score(buffer, offset, length);
  // A new member gets the increment itself, be it -0.
  const change = scoreArgument(call, first);
  const score = Number.isNaN(current) ? change : change + current;
  if (Number.isNaN(score) && ((options & ONLY_NEW) === 0 || Number.isNaN(current))) {
    throw new CommandError(NOT_A_NUMBER);
  }
  if (!isAllowed(call, sortedSet, first + 1, score, options)) {
    reply.nil();
    return;
  }
  const result = sortedSet.set(score, buffer, offset, length);
  if (result !== SetResult.unchanged) store(call, 1, record, ValueType.sortedSet, sortedSet, "zincr");
  replyScore(call, score);
}

function zrem(call: Call): void {
  const { buffer, offset, length, argc } = call;
  const { sortedSet } = call.server.collections;
  const record = openForWrite(call, 1, ValueType.sortedSet, sortedSet);
  let removed = 0;
  if (record !== 0) {
    for (let i = 2; i < argc && sortedSet.count > 0; i++) {
      if (sortedSet.remove(buffer, offset[i] as number, length[i] as number)) removed++;
    }
    if (removed > 0) store(call, 1, record, ValueType.sortedSet, sortedSet, "zrem");
  }
  call.reply.integer(removed);
}

function replyMemberScore(call: Call, exists: boolean, argument: number): void {
  const { sortedSet } = call.server.collections;
  const offset = call.offset[argument] as number;
  const score = exists ? sortedSet.score(call.buffer, offset, call.length[argument] as number) : Number.NaN;
  if (Number.isNaN(score)) call.reply.nil();
  else replyScore(call, score);
}

function zscore(call: Call): void {
  replyMemberScore(call, openForRead(call, 1, ValueType.sortedSet, call.server.collections.sortedSet), 2);
}

function zmscore(call: Call): void {
  const exists = openForRead(call, 1, ValueType.sortedSet, call.server.collections.sortedSet);
  call.reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++) replyMemberScore(call, exists, i);
}

function zcard(call: Call): void {
  const { sortedSet } = call.server.collections;
  call.reply.integer(openForRead(call, 1, ValueType.sortedSet, sortedSet) ? sortedSet.count : 0);
}

function rank(call: Call, isReverse: boolean, name: string): void {
  if (call.argc > 4) throw new CommandError(wrongArity(name));
  const withScore = call.argc === 4;
  if (withScore && !call.is(3, "withscore")) throw new CommandError(ERRORS.syntax);
  const { sortedSet } = call.server.collections;
  const { reply } = call;
  const exists = openForRead(call, 1, ValueType.sortedSet, sortedSet);
  const place = exists ? sortedSet.rank(call.buffer, call.offset[2] as number, call.length[2] as number) : -1;
  if (place < 0) {
    if (withScore) reply.nilArray();
    else reply.nil();
    return;
  }
  if (withScore) reply.array(2);
  reply.integer(isReverse ? sortedSet.count - 1 - place : place);
  if (withScore) replyScore(call, sortedSet.scoreAtCursor);
}
