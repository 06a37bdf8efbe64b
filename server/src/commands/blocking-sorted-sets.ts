/** Sorted sets, the commands that wait: BZPOPMIN, BZPOPMAX, BZMPOP. */

import { ValueType } from "../values/value-type.ts";
import { secondsArgument } from "./blocking.ts";
import type { Call } from "./call.ts";
import { openForWrite, store } from "./collection-keys.ts";
import { countedKeys, defineCommands, keyRange } from "./command.ts";
import { multiPopArguments } from "./multi-pop.ts";
import { popAndReply, popFromFirst } from "./sorted-set-pops.ts";

export const blockingSortedSetCommands = defineCommands([
  {
    name: "bzpopmin",
    arity: -3,
    flags: ["write", "noscript", "blocking", "fast"],
    keys: keyRange(1, -2, 1, "RW", "access", "delete"),
    group: "sorted-set",
    since: "5.0.0",
    complexity: "O(log(N)) in the number of members",
    summary: "Takes the member with the lowest score of the first sorted set that has one; waits until there is one.",
    syntax: "key [key ...] timeout:double",
    run: (call) => blockingPop(call, true),
  },
  {
    name: "bzpopmax",
    arity: -3,
    flags: ["write", "noscript", "blocking", "fast"],
    keys: keyRange(1, -2, 1, "RW", "access", "delete"),
    group: "sorted-set",
    since: "5.0.0",
    complexity: "O(log(N)) in the number of members",
    summary: "Takes the member with the highest score of the first sorted set that has one; waits until there is one.",
    syntax: "key [key ...] timeout:double",
    run: (call) => blockingPop(call, false),
  },
  {
    name: "bzmpop",
    arity: -5,
    flags: ["write", "blocking", "movablekeys"],
    keys: [countedKeys(2, "RW", "access", "delete")],
    group: "sorted-set",
    since: "7.0.0",
    complexity: "O(K)+O(M*log(N)): K keys given, M members taken",
    summary: "Takes members from the first of several sorted sets that has some; waits until one has.",
    syntax: "timeout:double numkeys key [key ...] <MIN | MAX> [COUNT count]",
    run: bzmpop,
  },
]);

function blockingPop(call: Call, isMin: boolean): void {
  const last = call.argc - 1;
  const timeoutMs = secondsArgument(call, last);
  const { sortedSet } = call.server.collections;
  for (let key = 1; key < last; key++) {
    const record = openForWrite(call, key, ValueType.sortedSet, sortedSet);
    if (record === 0) continue;
    const keyBytes = call.copy(key);
    call.reply.array(3);
    call.reply.bulkBuffer(keyBytes);
    popAndReply(call, sortedSet, { count: 1, isMin, isNested: false });
    store(call, key, record, ValueType.sortedSet, sortedSet, isMin ? "zpopmin" : "zpopmax");
    call.propagateInstead(isMin ? "ZPOPMIN" : "ZPOPMAX", keyBytes);
    return;
  }
  waitForSortedSet(call, call.copies(1, last), timeoutMs);
}

function bzmpop(call: Call): void {
  const multiPop = multiPopArguments(call, 2, "min", "max");
  const timeoutMs = secondsArgument(call, 1);
  if (popFromFirst(call, multiPop)) return;
  waitForSortedSet(call, call.copies(multiPop.first, multiPop.where), timeoutMs);
}

function waitForSortedSet(call: Call, keys: Buffer[], timeoutMs: number): void {
  call.server.blocking.block(call, { keys, type: ValueType.sortedSet, timeoutMs, emptyReply: "array" });
}
