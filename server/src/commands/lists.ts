/**
 * Lists: push, pop, read and edit one list. Moving between lists and searching: list-moves.ts. Blocking forms are not here.
 * LPUSH, RPUSH, LPOP, RPOP and LRANGE are hot: they allocate nothing per element.
 */

import { EncodedEntry } from "../memory/listpack-entry.ts";
import type { ListValue } from "../values/list.ts";
import { ValueType } from "../values/value-type.ts";
import { countArgument, integerArgument, rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite, store } from "./collection-keys.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, ERRORS, wrongArity } from "./errors.ts";
import { appendEntries } from "./packed-reply.ts";

export const listCommands = defineCommands([
  {
    name: "lpush",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "insert"),
    group: "list",
    since: "1.0.0",
    complexity: "O(1) for each element",
    summary: "Puts elements at the head of a list, which is made if it is not there.",
    syntax: "key element [element ...]",
    run: (call) => push(call, true, false),
  },
  {
    name: "rpush",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "insert"),
    group: "list",
    since: "1.0.0",
    complexity: "O(1) for each element",
    summary: "Puts elements at the tail of a list, which is made if it is not there.",
    syntax: "key element [element ...]",
    run: (call) => push(call, false, false),
  },
  {
    name: "lpushx",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "insert"),
    group: "list",
    since: "2.2.0",
    complexity: "O(1) for each element",
    summary: "Puts elements at the head of a list that exists.",
    syntax: "key element [element ...]",
    run: (call) => push(call, true, true),
  },
  {
    name: "rpushx",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "insert"),
    group: "list",
    since: "2.2.0",
    complexity: "O(1) for each element",
    summary: "Puts elements at the tail of a list that exists.",
    syntax: "key element [element ...]",
    run: (call) => push(call, false, true),
  },
  {
    name: "lpop",
    arity: -2,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    group: "list",
    since: "1.0.0",
    complexity: "O(N) in the number of elements taken",
    summary: "Takes elements from the head of a list.",
    syntax: "key [count]",
    run: (call) => pop(call, true, "lpop"),
  },
  {
    name: "rpop",
    arity: -2,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    group: "list",
    since: "1.0.0",
    complexity: "O(N) in the number of elements taken",
    summary: "Takes elements from the tail of a list.",
    syntax: "key [count]",
    run: (call) => pop(call, false, "rpop"),
  },
  {
    name: "llen",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "list",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Gives the length of a list.",
    syntax: "key",
    run: llen,
  },
  {
    name: "lrange",
    arity: 4,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "list",
    since: "1.0.0",
    complexity: "O(S+N): S is the distance of start from the nearer end, N the number of elements",
    summary: "Gives a range of elements.",
    syntax: "key start stop",
    run: lrange,
  },
  {
    name: "lindex",
    arity: 3,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "list",
    since: "1.0.0",
    complexity: "O(N) in the distance from the nearer end",
    summary: "Gives the element with an index.",
    syntax: "key index",
    run: lindex,
  },
  {
    name: "lset",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: oneKey("RW", "update"),
    group: "list",
    since: "1.0.0",
    complexity: "O(N) in the distance from the nearer end",
    summary: "Replaces the element with an index.",
    syntax: "key index element",
    run: lset,
  },
  {
    name: "linsert",
    arity: 5,
    flags: ["write", "denyoom"],
    keys: oneKey("RW", "insert"),
    group: "list",
    since: "2.2.0",
    complexity: "O(N) in the number of elements before the pivot",
    summary: "Inserts an element before or after another one.",
    syntax: "key <BEFORE | AFTER> pivot element",
    run: linsert,
  },
  {
    name: "lrem",
    arity: 4,
    flags: ["write"],
    keys: oneKey("RW", "delete"),
    group: "list",
    since: "1.0.0",
    complexity: "O(N) in the length of the list",
    summary: "Removes elements equal to a value.",
    syntax: "key count element",
    run: lrem,
  },
  {
    name: "ltrim",
    arity: 4,
    flags: ["write"],
    keys: oneKey("RW", "delete"),
    group: "list",
    since: "1.0.0",
    complexity: "O(N) in the number of elements removed",
    summary: "Keeps a range of elements and removes the others.",
    syntax: "key start stop",
    run: ltrim,
  },
]);

function push(call: Call, atHead: boolean, mustExist: boolean): void {
  const { buffer, offset, length, argc } = call;
  const list = call.server.collections.list;
  const record = openForWrite(call, 1, ValueType.list, list);
  if (record === 0) {
    if (mustExist) {
      call.reply.integer(0);
      return;
    }
    list.create();
  }
  let bytes = 0;
  for (let i = 2; i < argc; i++) bytes += length[i] as number;
  list.growFor(bytes, argc - 2);
  for (let i = 2; i < argc; i++) {
    if (atHead) list.pushHead(buffer, offset[i] as number, length[i] as number);
    else list.pushTail(buffer, offset[i] as number, length[i] as number);
  }
  store(call, 1, record, ValueType.list, list, atHead ? "lpush" : "rpush");
  call.reply.integer(list.count);
}

function pop(call: Call, atHead: boolean, name: string): void {
  if (call.argc > 3) throw new CommandError(wrongArity(name));
  const hasCount = call.argc === 3;
  const wanted = hasCount ? countArgument(call, 2) : 1;
  const list = call.server.collections.list;
  const record = openForWrite(call, 1, ValueType.list, list);
  if (record === 0) {
    if (hasCount) call.reply.nilArray();
    else call.reply.nil();
    return;
  }
  if (wanted === 0) {
    call.reply.array(0);
    return;
  }
  const count = Math.min(wanted, list.count);
  if (hasCount) call.reply.array(count);
  popAndReply(call, list, atHead, count);
  store(call, 1, record, ValueType.list, list, atHead ? "lpop" : "rpop");
}

/** Replies with so many elements of one end, the outermost first, and removes them from the list. */
export function popAndReply(call: Call, list: ListValue, atHead: boolean, count: number): void {
  list.seek(atHead ? 0 : list.count - 1);
  replyElements(call, list, count, atHead);
  if (atHead) list.trimHead(count);
  else list.trimTail(count);
  list.shrink();
}

function replyElements(call: Call, list: ListValue, count: number, isForward: boolean): void {
  const { span } = call.server.collections;
  const { reply } = call;
  for (;;) {
    list.read(span);
    reply.bulk(span.buffer, span.offset, span.length);
    if (--count <= 0) return;
    if (isForward) list.next();
    else list.previous();
  }
}

function llen(call: Call): void {
  const list = call.server.collections.list;
  call.reply.integer(openForRead(call, 1, ValueType.list, list) ? list.count : 0);
}

function lrange(call: Call): void {
  let start = integerArgument(call, 2);
  let stop = integerArgument(call, 3);
  const list = call.server.collections.list;
  if (!openForRead(call, 1, ValueType.list, list)) {
    call.reply.array(0);
    return;
  }
  const count = list.count;
  if (start < 0) start = Math.max(0, start + count);
  if (stop < 0) stop += count;
  stop = Math.min(stop, count - 1);
  const wanted = Math.max(0, stop - start + 1);
  call.reply.array(wanted);
  if (wanted === 0) return;
  list.seek(start);
  const { run, span } = call.server.collections;
  for (let left = wanted; left > 0; list.nextRun()) {
    list.readRun(run);
    left -= appendEntries(call.reply, run, left, span);
  }
}

/** The index counted from the head, or −1 if the list has no such element. */
function resolveIndex(index: number, count: number): number {
  if (index < 0) index += count;
  return index >= 0 && index < count ? index : -1;
}

function lindex(call: Call): void {
  const { list, span } = call.server.collections;
  if (!openForRead(call, 1, ValueType.list, list)) {
    call.reply.nil();
    return;
  }
  const index = resolveIndex(integerArgument(call, 2), list.count);
  if (index < 0) {
    call.reply.nil();
    return;
  }
  list.seek(index);
  list.read(span);
  call.reply.bulk(span.buffer, span.offset, span.length);
}

function lset(call: Call): void {
  const list = call.server.collections.list;
  const record = openForWrite(call, 1, ValueType.list, list);
  if (record === 0) throw new CommandError(ERRORS.noSuchKey);
  const index = resolveIndex(integerArgument(call, 2), list.count);
  if (index < 0) throw new CommandError(ERRORS.indexOutOfRange);
  const length = call.length[3] as number;
  list.growFor(length, 0);
  list.seek(index);
  list.replaceAtCursor(call.buffer, call.offset[3] as number, length);
  list.shrink();
  store(call, 1, record, ValueType.list, list, "lset");
  call.reply.ok();
}

function linsert(call: Call): void {
  const isAfter = call.is(2, "after");
  if (!isAfter && !call.is(2, "before")) throw new CommandError(ERRORS.syntax);
  const list = call.server.collections.list;
  const record = openForWrite(call, 1, ValueType.list, list);
  if (record === 0) {
    call.reply.integer(0);
    return;
  }
  const { buffer, offset, length } = call;
  const count = list.count;
  const index = findFromHead(list, encodedArgument(call, 3), 0, count);
  if (index < 0) {
    call.reply.integer(-1);
    return;
  }
  list.growFor(length[4] as number, 1);
  if (isAfter && index === count - 1) list.pushTail(buffer, offset[4] as number, length[4] as number);
  else {
    list.seek(isAfter ? index + 1 : index);
    list.insertAtCursor(buffer, offset[4] as number, length[4] as number);
  }
  store(call, 1, record, ValueType.list, list, "linsert");
  call.reply.integer(list.count);
}

export function encodedArgument(call: Call, argument: number): EncodedEntry {
  const entry = new EncodedEntry();
  entry.encode(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  return entry;
}

/** Index of the first element from `start` on that holds the value, −1 if none. The cursor is on it. */
function findFromHead(list: ListValue, value: EncodedEntry, start: number, count: number): number {
  if (start >= count) return -1;
  list.seek(start);
  for (let index = start; index < count; index++, list.next()) if (list.isAtCursor(value)) return index;
  return -1;
}

function lrem(call: Call): void {
  const limit = rangedArgument(call, 2, -(2 ** 63));
  const list = call.server.collections.list;
  const record = openForWrite(call, 1, ValueType.list, list);
  if (record === 0) {
    call.reply.integer(0);
    return;
  }
  const value = encodedArgument(call, 3);
  const removed = limit < 0 ? removeFromTail(list, value, -limit) : removeFromHead(list, value, limit);
  if (removed > 0) {
    list.shrink();
    store(call, 1, record, ValueType.list, list, "lrem");
  }
  call.reply.integer(removed);
}

/** Removes up to `limit` (0: all) elements with this value, the first ones first. */
function removeFromHead(list: ListValue, value: EncodedEntry, limit: number): number {
  let removed = 0;
  list.seek(0);
  for (let left = list.count; left > 0; left--) {
    if (!list.isAtCursor(value)) {
      list.next();
      continue;
    }
    list.deleteAtCursor();
    removed++;
    if (removed === limit) break;
  }
  return removed;
}

function removeFromTail(list: ListValue, value: EncodedEntry, limit: number): number {
  let removed = 0;
  list.seek(list.count - 1);
  for (let index = list.count - 1; index >= 0; index--) {
    const isMatch = list.isAtCursor(value);
    if (isMatch) {
      list.deleteAtCursor();
      removed++;
      if (removed === limit) break;
    }
    if (index === 0) break;
    // Behind a removed last element the cursor stands nowhere.
    if (isMatch && index === list.count) list.seek(index - 1);
    else list.previous();
  }
  return removed;
}

function ltrim(call: Call): void {
  let start = integerArgument(call, 2);
  let stop = integerArgument(call, 3);
  const list = call.server.collections.list;
  const record = openForWrite(call, 1, ValueType.list, list);
  if (record === 0) {
    call.reply.ok();
    return;
  }
  const count = list.count;
  if (start < 0) start = Math.max(0, start + count);
  if (stop < 0) stop += count;
  stop = Math.min(stop, count - 1);
  if (start > stop) start = count;
  list.trimHead(Math.min(start, count));
  if (start < count) list.trimTail(count - 1 - stop);
  list.shrink();
  store(call, 1, record, ValueType.list, list, "ltrim");
  call.reply.ok();
}
