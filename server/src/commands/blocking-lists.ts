/** Lists, the commands that wait: BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP. */

import { ValueType } from "../values/value-type.ts";
import { secondsArgument } from "./blocking.ts";
import type { Call } from "./call.ts";
import { openForWrite, store } from "./collection-keys.ts";
import { countedKeys, defineCommands, keyAt, keyRange } from "./command.ts";
import { isHeadArgument, move, popFromFirst } from "./list-moves.ts";
import { popAndReply } from "./lists.ts";
import { multiPopArguments } from "./multi-pop.ts";

export const blockingListCommands = defineCommands([
  {
    name: "blpop",
    arity: -3,
    flags: ["write", "noscript", "blocking"],
    keys: keyRange(1, -2, 1, "RW", "access", "delete"),
    group: "list",
    since: "2.0.0",
    complexity: "O(N) in the number of keys",
    summary: "Takes the first element of the first list that has one; waits until there is one.",
    syntax: "key [key ...] timeout:double",
    run: (call) => blockingPop(call, true),
  },
  {
    name: "brpop",
    arity: -3,
    flags: ["write", "noscript", "blocking"],
    keys: keyRange(1, -2, 1, "RW", "access", "delete"),
    group: "list",
    since: "2.0.0",
    complexity: "O(N) in the number of keys",
    summary: "Takes the last element of the first list that has one; waits until there is one.",
    syntax: "key [key ...] timeout:double",
    run: (call) => blockingPop(call, false),
  },
  {
    name: "blmove",
    arity: 6,
    flags: ["write", "denyoom", "noscript", "blocking"],
    keys: [keyAt(1, "RW", "access", "delete"), keyAt(2, "RW", "insert")],
    group: "list",
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Moves an element from one list to another; waits until there is one.",
    syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout:double",
    run: (call) => {
      const places = [isHeadArgument(call, 3), isHeadArgument(call, 4)] as const;
      if (!blockingMove(call, places, 5)) return;
      const words = places.map((isHead) => (isHead ? "LEFT" : "RIGHT"));
      call.propagateInstead("LMOVE", call.copy(1), call.copy(2), ...words);
    },
  },
  {
    name: "brpoplpush",
    arity: 4,
    flags: ["write", "denyoom", "noscript", "blocking"],
    keys: [keyAt(1, "RW", "access", "delete"), keyAt(2, "RW", "insert")],
    group: "list",
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Moves the last element of a list to the head of another; waits until there is one.",
    syntax: "source destination timeout:double",
    run: (call) => {
      if (blockingMove(call, [false, true], 3)) call.propagateInstead("RPOPLPUSH", call.copy(1), call.copy(2));
    },
  },
  {
    name: "blmpop",
    arity: -5,
    flags: ["write", "blocking", "movablekeys"],
    keys: [countedKeys(2, "RW", "access", "delete")],
    group: "list",
    since: "7.0.0",
    complexity: "O(N+M): N keys given, M elements taken",
    summary: "Takes elements from the first of several lists that has some; waits until one has.",
    syntax: "timeout:double numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    run: blmpop,
  },
]);

function blockingPop(call: Call, atHead: boolean): void {
  const last = call.argc - 1;
  const timeoutMs = secondsArgument(call, last);
  const { list } = call.server.collections;
  for (let key = 1; key < last; key++) {
    const record = openForWrite(call, key, ValueType.list, list);
    if (record === 0) continue;
    const keyBytes = call.copy(key);
    call.reply.array(2);
    call.reply.bulkBuffer(keyBytes);
    popAndReply(call, list, atHead, 1);
    store(call, key, record, ValueType.list, list, atHead ? "lpop" : "rpop");
    call.propagateInstead(atHead ? "LPOP" : "RPOP", keyBytes);
    return;
  }
  waitForList(call, call.copies(1, last), timeoutMs, "array");
}

/** False: there is nothing yet, and the client waits. */
function blockingMove(call: Call, [fromHead, toHead]: readonly [boolean, boolean], timeoutArgument: number): boolean {
  const timeoutMs = secondsArgument(call, timeoutArgument);
  const isMoved = move(call, fromHead, toHead);
  if (!isMoved) waitForList(call, [call.copy(1)], timeoutMs, "bulk");
  return isMoved;
}

function blmpop(call: Call): void {
  const multiPop = multiPopArguments(call, 2, "left", "right");
  const timeoutMs = secondsArgument(call, 1);
  if (popFromFirst(call, multiPop)) return;
  waitForList(call, call.copies(multiPop.first, multiPop.where), timeoutMs, "array");
}

function waitForList(call: Call, keys: Buffer[], timeoutMs: number, emptyReply: "bulk" | "array"): void {
  call.server.blocking.block(call, { keys, type: ValueType.list, timeoutMs, emptyReply });
}
