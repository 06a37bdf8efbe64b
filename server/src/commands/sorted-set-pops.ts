/** Sorted sets, continued: taking the lowest or highest members, drawing at random, and ZSCAN. */

import { formatDouble } from "../memory/double-text.ts";
import { isPackedAsInteger } from "../values/packed-sorted-set.ts";
import type { SortedSetValue } from "../values/sorted-set.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { countArgument, rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite, store } from "./collection-keys.ts";
import { countedKeys, defineCommands, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { cursorArgument, matches, scanOptions } from "./key-scan.ts";
import { type MultiPop, multiPopArguments } from "./multi-pop.ts";
import { drawDistinctNumbers } from "./random-draw.ts";
import { replyScore } from "./sorted-sets.ts";

export const sortedSetPopCommands = defineCommands([
  {
    name: "zpopmin",
    arity: -2,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    group: "sorted-set",
    since: "5.0.0",
    complexity: "O(log(N)*M) for M members taken",
    summary: "Takes the members with the lowest scores.",
    syntax: "key [count]",
    run: (call) => pop(call, true),
  },
  {
    name: "zpopmax",
    arity: -2,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    group: "sorted-set",
    since: "5.0.0",
    complexity: "O(log(N)*M) for M members taken",
    summary: "Takes the members with the highest scores.",
    syntax: "key [count]",
    run: (call) => pop(call, false),
  },
  {
    name: "zmpop",
    arity: -4,
    flags: ["write", "movablekeys"],
    keys: [countedKeys(1, "RW", "access", "delete")],
    group: "sorted-set",
    since: "7.0.0",
    complexity: "O(K)+O(M*log(N)): K keys given, M members taken",
    summary: "Takes the lowest or highest members of the first of several sorted sets that is there.",
    syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
    run: zmpop,
  },
  {
    name: "zrandmember",
    arity: -2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "sorted-set",
    tips: ["nondeterministic_output"],
    since: "6.2.0",
    complexity: "O(N*log(M)) for N members given of M",
    summary: "Gives random members.",
    syntax: "key [count [WITHSCORES]]",
    run: zrandmember,
  },
  {
    name: "zscan",
    arity: -3,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "sorted-set",
    tips: ["nondeterministic_output"],
    since: "2.8.0",
    complexity: "O(1) a call, O(N) for a whole iteration",
    summary: "Iterates over members and scores, a few at a time.",
    syntax: "key cursor [MATCH pattern] [COUNT count]",
    run: zscan,
  },
]);

function pop(call: Call, isMin: boolean): void {
  if (call.argc > 3) throw new CommandError(ERRORS.syntax);
  const hasCount = call.argc === 3;
  const wanted = hasCount ? countArgument(call, 2) : 1;
  const { sortedSet } = call.server.collections;
  const { reply } = call;
  const record = openForWrite(call, 1, ValueType.sortedSet, sortedSet);
  if (record === 0 || wanted === 0) {
    reply.array(0);
    return;
  }
  const count = Math.min(wanted, sortedSet.count);
  const isNested = hasCount && reply.resp3;
  reply.array(isNested ? count : count * 2);
  popAndReply(call, sortedSet, { count, isMin, isNested });
  store(call, 1, record, ValueType.sortedSet, sortedSet, isMin ? "zpopmin" : "zpopmax");
}

export function popAndReply(
  call: Call,
  set: SortedSetValue,
  { count, isMin, isNested }: { count: number; isMin: boolean; isNested: boolean },
): void {
  const size = set.count;
  set.seek(isMin ? 0 : size - 1);
  for (let left = count; left > 0; left--) {
    replyMember(call, set, true, isNested);
    if (isMin) set.next();
    else set.previous();
  }
  set.removeRange(isMin ? 0 : size - count, count);
}

/** Appends the member under the cursor, with its score if asked for, the two as an array if `isNested`. */
function replyMember(call: Call, set: SortedSetValue, withScore: boolean, isNested: boolean): void {
  const { span } = call.server.collections;
  if (isNested) call.reply.array(2);
  set.readMember(span);
  call.reply.bulk(span.buffer, span.offset, span.length);
  if (withScore) replyScore(call, set.scoreAtCursor);
}

function zmpop(call: Call): void {
  if (!popFromFirst(call, multiPopArguments(call, 1, "min", "max"))) call.reply.nilArray();
}

/** Takes members from the first sorted set that is there and replies with its key and them; false, with no reply, if none is. */
export function popFromFirst(call: Call, { first, where, isFirst: isMin, count: wanted }: MultiPop): boolean {
  const { sortedSet } = call.server.collections;
  const { reply } = call;
  for (let key = first; key < where; key++) {
    const record = openForWrite(call, key, ValueType.sortedSet, sortedSet);
    if (record === 0) continue;
    const count = Math.min(wanted, sortedSet.count);
    const keyBytes = call.copy(key);
    reply.array(2);
    reply.bulkBuffer(keyBytes);
    reply.array(count);
    popAndReply(call, sortedSet, { count, isMin, isNested: true });
    store(call, key, record, ValueType.sortedSet, sortedSet, isMin ? "zpopmin" : "zpopmax");
    call.propagateInstead(isMin ? "ZPOPMIN" : "ZPOPMAX", keyBytes, count);
    return true;
  }
  return false;
}

const LARGEST = 2 ** 63 - 1;

function zrandmember(call: Call): void {
  const { sortedSet, random } = call.server.collections;
  const { reply } = call;
  if (call.argc === 2) {
    if (!openForRead(call, 1, ValueType.sortedSet, sortedSet)) {
      reply.nil();
      return;
    }
    sortedSet.seekRandom(random);
    replyMember(call, sortedSet, false, false);
    return;
  }
  const count = rangedArgument(call, 2, -LARGEST);
  const withScores = call.argc === 4 && call.is(3, "withscores");
  if (call.argc > 4 || (call.argc === 4 && !withScores)) throw new CommandError(ERRORS.syntax);
  if (withScores && Math.abs(count) > LARGEST / 2) throw new CommandError(ERRORS.outOfRange);
  if (!openForRead(call, 1, ValueType.sortedSet, sortedSet) || count === 0) {
    reply.array(0);
    return;
  }
  const size = sortedSet.count;
  const replyCount = count < 0 ? -count : Math.min(count, size);
  const isNested = withScores && reply.resp3;
  reply.array(withScores && !isNested ? replyCount * 2 : replyCount);
  if (count < 0) {
    for (let left = replyCount; left > 0; left--) {
      sortedSet.seekRandom(random);
      replyMember(call, sortedSet, withScores, isNested);
    }
    return;
  }
  for (const rank of drawDistinctNumbers(random, replyCount, size)) {
    sortedSet.seek(rank);
    replyMember(call, sortedSet, withScores, isNested);
  }
}

function zscan(call: Call): void {
  const cursor = cursorArgument(call, 2);
  const { sortedSet, span } = call.server.collections;
  const { reply } = call;
  const found: Buffer[] = [];
  let next = 0;
  if (openForRead(call, 1, ValueType.sortedSet, sortedSet)) {
    const { count, pattern } = scanOptions(call, 3, []);
    next = sortedSet.scan(cursor, count, span, (member, score) => {
      if (!matches(pattern, member.buffer, member.offset, member.length)) return;
      found.push(member.toBuffer(), Buffer.from(scannedScore(sortedSet, score)));
    });
  }
  reply.array(2);
  reply.bulkString(String(next));
  reply.array(found.length);
  for (const item of found) reply.bulkBuffer(item);
}

/** ZSCAN shows the scores of a packed set as they are stored there: whole numbers in full. */
function scannedScore(set: SortedSetValue, score: number): string {
  const isStoredWhole = set.encoding === Encoding.listpack && isPackedAsInteger(score);
  return isStoredWhole ? BigInt(score).toString() : formatDouble(score);
}
