/**
 * Ranges of sorted sets by rank, score or member: read, counted, removed or stored. Every range becomes a pair of ranks
 * first; what is done with it then does not depend on how it was given.
 */

import { parseBound } from "../memory/double-parse.ts";
import type { SortedSetValue } from "../values/sorted-set.ts";
import { ValueType } from "../values/value-type.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite, remove, replace, store } from "./collection-keys.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { appendMembers } from "./packed-reply.ts";
import { replyScore } from "./sorted-sets.ts";

/** Finds the ranks [first, end) of a range given by the arguments `low` and `high`. */
interface RangeKind {
  /** Reads the arguments, throws if they are none; called before the key is looked up. */
  check(call: Call, low: number, high: number): void;
  first(call: Call, set: SortedSetValue, low: number): number;
  end(call: Call, set: SortedSetValue, high: number): number;
}

export const BY_RANK: RangeKind = {
  check(call, low, high) {
    integerArgument(call, low);
    integerArgument(call, high);
  },
  first(call, set, low) {
    const start = integerArgument(call, low);
    return start < 0 ? Math.max(0, start + set.count) : start;
  },
  end(call, set, high) {
    const stop = integerArgument(call, high);
    return Math.min(stop < 0 ? stop + set.count : stop, set.count - 1) + 1;
  },
};

export const BY_SCORE: RangeKind = {
  check(call, low, high) {
    if (Number.isNaN(scoreBound(call, low)) || Number.isNaN(scoreBound(call, high))) {
      throw new CommandError("ERR min or max is not a float");
    }
  },
  first: (call, set, low) => set.rankOfScore(scoreBound(call, low), isExclusive(call, low)),
  end: (call, set, high) => set.rankOfScore(scoreBound(call, high), !isExclusive(call, high)),
};

const OPEN_ROUND = 40;
const OPEN_SQUARE = 91;
const PLUS = 43;
const MINUS = 45;

function firstByte(call: Call, argument: number): number {
  return (call.length[argument] as number) === 0 ? 0 : (call.buffer[call.offset[argument] as number] as number);
}

function isExclusive(call: Call, argument: number): boolean {
  return firstByte(call, argument) === OPEN_ROUND;
}

function scoreBound(call: Call, argument: number): number {
  const skip = isExclusive(call, argument) ? 1 : 0;
  return parseBound(call.buffer, (call.offset[argument] as number) + skip, (call.length[argument] as number) - skip);
}

export const BY_MEMBER: RangeKind = {
  check(call, low, high) {
    for (const argument of [low, high]) {
      const first = firstByte(call, argument);
      const isEnd = (first === PLUS || first === MINUS) && call.length[argument] === 1;
      if (!isEnd && first !== OPEN_ROUND && first !== OPEN_SQUARE) {
        throw new CommandError("ERR min or max not valid string range item");
      }
    }
  },
  first: (call, set, low) => memberRank(call, set, low, isExclusive(call, low)),
  end: (call, set, high) => memberRank(call, set, high, !isExclusive(call, high)),
};

function memberRank(call: Call, set: SortedSetValue, argument: number, inclusive: boolean): number {
  const first = firstByte(call, argument);
  if (first === MINUS) return 0;
  if (first === PLUS) return set.count;
  const offset = (call.offset[argument] as number) + 1;
  return set.rankOfMember(call.buffer, offset, (call.length[argument] as number) - 1, inclusive);
}

interface RangeOptions {
  kind: RangeKind;
  isReverse: boolean;
  withScores: boolean;
  offset: number;
  limit: number;
}

/** What a command of the ZRANGE family leaves open for its arguments. */
export interface RangeForm {
  /** The argument with the source's key; the two ends follow it. */
  readonly key: number;
  /** Undefined: BYSCORE and BYLEX may be given. */
  readonly kind: RangeKind | undefined;
  /** Undefined: REV may be given. */
  readonly isReverse: boolean | undefined;
  readonly isStore: boolean;
}

function rangeOptions(call: Call, form: RangeForm): RangeOptions {
  const options = { kind: form.kind, isReverse: form.isReverse, withScores: false, offset: 0, limit: -1 };
  for (let i = form.key + 3; i < call.argc; i++) {
    if (!form.isStore && call.is(i, "withscores")) options.withScores = true;
    else if (call.is(i, "limit") && i + 2 < call.argc) {
      options.offset = integerArgument(call, ++i);
      options.limit = integerArgument(call, ++i);
    } else if (options.isReverse === undefined && call.is(i, "rev")) options.isReverse = true;
    else if (options.kind === undefined && call.is(i, "bylex")) options.kind = BY_MEMBER;
    else if (options.kind === undefined && call.is(i, "byscore")) options.kind = BY_SCORE;
    else throw new CommandError(ERRORS.syntax);
  }
  const kind = options.kind ?? BY_RANK;
  if (options.limit !== -1 && kind === BY_RANK) {
    throw new CommandError("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
  if (options.withScores && kind === BY_MEMBER) {
    throw new CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  return { ...options, kind, isReverse: options.isReverse ?? false };
}

/** A run of members: the rank of the first one to give, and how many. */
interface Run {
  readonly start: number;
  readonly count: number;
}

function runOf(call: Call, set: SortedSetValue, options: RangeOptions, low: number, high: number): Run {
  const { kind, isReverse } = options;
  const size = set.count;
  let first = kind.first(call, set, low);
  let end = kind.end(call, set, high);
  // Ranks of a reversed range by rank count from the highest score.
  if (isReverse && kind === BY_RANK) [first, end] = [size - end, size - first];
  let count = Math.max(0, end - first);
  if (kind === BY_RANK) return { start: isReverse ? end - 1 : first, count };
  if (options.offset < 0) return { start: 0, count: 0 };
  count = Math.max(0, count - options.offset);
  if (options.limit >= 0) count = Math.min(count, options.limit);
  return { start: isReverse ? end - 1 - options.offset : first + options.offset, count };
}

export function range(call: Call, form: RangeForm): void {
  const options = rangeOptions(call, form);
  const { kind, isReverse } = options;
  const isSwapped = isReverse && kind !== BY_RANK;
  const low = form.key + (isSwapped ? 2 : 1);
  const high = form.key + (isSwapped ? 1 : 2);
  kind.check(call, low, high);
  const { sortedSet } = call.server.collections;
  const exists = openForRead(call, form.key, ValueType.sortedSet, sortedSet);
  const run = exists ? runOf(call, sortedSet, options, low, high) : { start: 0, count: 0 };
  if (form.isStore) storeRun(call, sortedSet, run, isReverse);
  else replyRun(call, sortedSet, run, options);
}

function replyRun(call: Call, set: SortedSetValue, { start, count }: Run, options: RangeOptions): void {
  const { reply } = call;
  const { span } = call.server.collections;
  const { withScores, isReverse } = options;
  const isNested = withScores && reply.resp3;
  reply.array(withScores && !isNested ? count * 2 : count);
  if (count === 0) return;
  set.seek(start);
  let left = count;
  if (!withScores) left -= replyRecords(call, set, count, isReverse);
  for (; left > 0; left--) {
    if (isNested) reply.array(2);
    set.readMember(span);
    reply.bulk(span.buffer, span.offset, span.length);
    if (withScores) replyScore(call, set.scoreAtCursor);
    if (isReverse) set.previous();
    else set.next();
  }
}

/** Replies with members of a large set from the cursor on; gives how many: none of a listpack. */
function replyRecords(call: Call, set: SortedSetValue, count: number, isReverse: boolean): number {
  const { arena, records } = call.server.collections;
  let done = 0;
  while (done < count) {
    const read = set.readRecords(records, count - done, isReverse);
    if (read === 0) break;
    appendMembers(call.reply, arena, records, read);
    done += read;
  }
  return done;
}

function storeRun(call: Call, source: SortedSetValue, { start, count }: Run, isReverse: boolean): void {
  call.reply.integer(count);
  if (count === 0) {
    remove(call, 1);
    return;
  }
  const { collections } = call.server;
  const { span } = collections;
  const target = collections.createSortedSetView();
  target.create(count, 0);
  source.seek(start);
  for (let left = count; left > 0; left--) {
    source.readMember(span);
    target.set(source.scoreAtCursor, span.buffer, span.offset, span.length);
    if (isReverse) source.previous();
    else source.next();
  }
  replace(call, 1, ValueType.sortedSet, target, call.commandName);
}

export function countRange(call: Call, kind: RangeKind): void {
  kind.check(call, 2, 3);
  const { sortedSet } = call.server.collections;
  if (!openForRead(call, 1, ValueType.sortedSet, sortedSet)) {
    call.reply.integer(0);
    return;
  }
  call.reply.integer(Math.max(0, kind.end(call, sortedSet, 3) - kind.first(call, sortedSet, 2)));
}

export function removeRange(call: Call, kind: RangeKind): void {
  kind.check(call, 2, 3);
  const { sortedSet } = call.server.collections;
  const record = openForWrite(call, 1, ValueType.sortedSet, sortedSet);
  let removed = 0;
  if (record !== 0) {
    const first = kind.first(call, sortedSet, 2);
    removed = Math.max(0, kind.end(call, sortedSet, 3) - first);
    if (removed > 0) {
      sortedSet.removeRange(first, removed);
      store(call, 1, record, ValueType.sortedSet, sortedSet, call.commandName);
    }
  }
  call.reply.integer(removed);
}
