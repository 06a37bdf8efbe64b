/** Lists, continued: moving elements between lists, taking from the first list that has some, and finding positions. */

import { EventClass } from "../keyspace/event-classes.ts";
import type { ListValue } from "../values/list.ts";
import { ValueType } from "../values/value-type.ts";
import { rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite, store } from "./collection-keys.ts";
import { countedKeys, defineCommands, keyAt, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { encodedArgument, popAndReply } from "./lists.ts";
import { type MultiPop, multiPopArguments } from "./multi-pop.ts";

export const listMoveCommands = defineCommands([
  {
    name: "lmove",
    arity: 5,
    flags: ["write", "denyoom"],
    keys: [keyAt(1, "RW", "access", "delete"), keyAt(2, "RW", "insert")],
    group: "list",
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Takes an element from one end of a list and puts it at one end of another.",
    syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
    run: (call) => {
      if (!move(call, isHeadArgument(call, 3), isHeadArgument(call, 4))) call.reply.nil();
    },
  },
  {
    name: "rpoplpush",
    arity: 3,
    flags: ["write", "denyoom"],
    keys: [keyAt(1, "RW", "access", "delete"), keyAt(2, "RW", "insert")],
    group: "list",
    since: "1.2.0",
    complexity: "O(1)",
    summary: "Takes the last element of a list and puts it at the head of another.",
    syntax: "source destination",
    run: (call) => {
      if (!move(call, false, true)) call.reply.nil();
    },
  },
  {
    name: "lmpop",
    arity: -4,
    flags: ["write", "movablekeys"],
    keys: [countedKeys(1, "RW", "access", "delete")],
    group: "list",
    since: "7.0.0",
    complexity: "O(N+M): N keys given, M elements taken",
    summary: "Takes elements from the first of several lists that is there.",
    syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    run: lmpop,
  },
  {
    name: "lpos",
    arity: -3,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "list",
    since: "6.0.6",
    complexity: "O(N) in the length of the list",
    summary: "Finds the index of elements with a value.",
    syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
    run: lpos,
  },
]);

export function isHeadArgument(call: Call, argument: number): boolean {
  if (call.is(argument, "left")) return true;
  if (call.is(argument, "right")) return false;
  throw new CommandError(ERRORS.syntax);
}

/** Moves an element and replies with it; false, with no reply, if there is none. */
export function move(call: Call, fromHead: boolean, toHead: boolean): boolean {
  const { collections } = call.server;
  const source = collections.list;
  const record = openForWrite(call, 1, ValueType.list, source);
  if (record === 0) return false;
  const target = collections.secondList;
  const targetRecord = openForWrite(call, 2, ValueType.list, target);
  // Copied: the element may be pushed into the very list it comes from.
  source.seek(fromHead ? 0 : source.count - 1);
  source.read(collections.span);
  const element = collections.span.toBuffer();
  if (targetRecord === record) {
    removeEnd(source, fromHead);
    pushElement(source, element, toHead);
    store(call, 1, record, ValueType.list, source, toHead ? "lpush" : "rpush");
    call.notify(EventClass.list, fromHead ? "lpop" : "rpop", 1);
  } else {
    if (targetRecord === 0) target.create();
    pushElement(target, element, toHead);
    store(call, 2, targetRecord, ValueType.list, target, toHead ? "lpush" : "rpush");
    removeEnd(source, fromHead);
    source.shrink();
    store(call, 1, record, ValueType.list, source, fromHead ? "lpop" : "rpop");
  }
  call.reply.bulkBuffer(element);
  return true;
}

function pushElement(list: ListValue, element: Buffer, atHead: boolean): void {
  list.growFor(element.length, 1);
  if (atHead) list.pushHead(element, 0, element.length);
  else list.pushTail(element, 0, element.length);
}

function removeEnd(list: ListValue, atHead: boolean): void {
  if (atHead) list.trimHead(1);
  else list.trimTail(1);
}

function lmpop(call: Call): void {
  if (!popFromFirst(call, multiPopArguments(call, 1, "left", "right"))) call.reply.nilArray();
}

/** Takes elements from the first list that is there and replies with its key and them; false, with no reply, if none is. */
export function popFromFirst(call: Call, { first, where, isFirst: atHead, count: wanted }: MultiPop): boolean {
  const list = call.server.collections.list;
  for (let key = first; key < where; key++) {
    const record = openForWrite(call, key, ValueType.list, list);
    if (record === 0) continue;
    const count = Math.min(wanted, list.count);
    const keyBytes = call.copy(key);
    call.reply.array(2);
    call.reply.bulkBuffer(keyBytes);
    call.reply.array(count);
    popAndReply(call, list, atHead, count);
    store(call, key, record, ValueType.list, list, atHead ? "lpop" : "rpop");
    call.propagateInstead(atHead ? "LPOP" : "RPOP", keyBytes, count);
    return true;
  }
  return false;
}

interface PositionOptions {
  rank: number;
  /** −1: not given, the reply is then a single index. */
  count: number;
  maxLength: number;
}

function positionOptions(call: Call): PositionOptions {
  const options = { rank: 1, count: -1, maxLength: 0 };
  for (let i = 3; i < call.argc; i++) {
    const hasValue = i + 1 < call.argc;
    if (call.is(i, "rank") && hasValue) {
      options.rank = rangedArgument(call, ++i, -LARGEST);
      if (options.rank === 0) throw new CommandError(ZERO_RANK);
    } else if (call.is(i, "count") && hasValue) {
      options.count = rangedArgument(call, ++i, 0, "ERR COUNT can't be negative");
    } else if (call.is(i, "maxlen") && hasValue) {
      options.maxLength = rangedArgument(call, ++i, 0, "ERR MAXLEN can't be negative");
    } else throw new CommandError(ERRORS.syntax);
  }
  return options;
}

const LARGEST = 2 ** 63 - 1;
const ZERO_RANK =
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list";

function lpos(call: Call): void {
  const options = positionOptions(call);
  const list = call.server.collections.list;
  const { reply } = call;
  const found = openForRead(call, 1, ValueType.list, list) ? positions(call, list, options) : [];
  if (options.count < 0) {
    if (found.length === 0) reply.nil();
    else reply.integer(found[0] as number);
    return;
  }
  reply.array(found.length);
  for (const index of found) reply.integer(index);
}

function positions(call: Call, list: ListValue, options: PositionOptions): number[] {
  const value = encodedArgument(call, 2);
  const isForward = options.rank > 0;
  const first = Math.abs(options.rank);
  const wanted = options.count < 0 ? 1 : options.count;
  const length = list.count;
  const limit = options.maxLength === 0 ? length : Math.min(length, options.maxLength);
  const found: number[] = [];
  let matches = 0;
  list.seek(isForward ? 0 : length - 1);
  for (let step = 0; step < limit; step++) {
    if (list.isAtCursor(value) && ++matches >= first) {
      found.push(isForward ? step : length - 1 - step);
      if (found.length === wanted) break;
    }
    if (isForward) list.next();
    else list.previous();
  }
  return found;
}
