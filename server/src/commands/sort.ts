/**
 * SORT and SORT_RO. The elements are copied into one column of bytes, then an array of indexes is sorted, so a list of a
 * million elements takes two arrays and no object for each. Options: sort-arguments.ts; keys named by patterns:
 * sort-patterns.ts.
 */

import { ByteColumn } from "../memory/byte-column.ts";
import { type Comparison, sortRange, sortStably } from "../memory/partial-sort.ts";
import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { remove, replace } from "./collection-keys.ts";
import { defineCommands, type KeySpec, keyAt } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { type SortRequest, sortArguments } from "./sort-arguments.ts";
import { PatternLookup } from "./sort-patterns.ts";
import { sortScore } from "./sort-score.ts";

const SYNTAX = "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]";
const COST = "O(N+M*log(M)): N the elements, M those of the reply; O(N) without sorting";
const CATEGORIES = ["set", "sortedset", "list", "dangerous"];

function unknownKeys(...flags: KeySpec["flags"]): KeySpec {
  return { flags, begin: { unknown: true }, find: { unknown: true } };
}

const READ_KEYS: readonly KeySpec[] = [keyAt(1, "RO", "access"), unknownKeys("RO", "access")];

export const sortCommands = defineCommands([
  {
    name: "sort",
    arity: -2,
    flags: ["write", "denyoom", "movablekeys"],
    keys: [...READ_KEYS, unknownKeys("OW", "update")],
    group: "generic",
    categories: CATEGORIES,
    since: "1.0.0",
    complexity: COST,
    summary: "Sorts the elements of a list, a set or a sorted set, and may store the result.",
    syntax: `${SYNTAX} [STORE destination]`,
    run: (call) => sort(call, true),
  },
  {
    name: "sort_ro",
    arity: -2,
    flags: ["readonly", "movablekeys"],
    keys: READ_KEYS,
    group: "generic",
    categories: CATEGORIES,
    since: "7.0.0",
    complexity: COST,
    summary: "Sorts the elements of a list, a set or a sorted set.",
    syntax: SYNTAX,
    run: (call) => sort(call, false),
  },
]);

function sort(call: Call, mayStore: boolean): void {
  const request = sortArguments(call, mayStore);
  const { db } = call;
  const record = db.lookupRead(call.buffer, call.offset[1] as number, call.length[1] as number);
  const type = record === 0 ? ValueType.list : db.typeOf(record);
  const isSortable = type === ValueType.list || type === ValueType.set || type === ValueType.sortedSet;
  if (!isSortable) throw new CommandError(ERRORS.wrongType);
  // The order of a set is our own affair; what is stored, or decides what a script does, must be the same on every server.
  const isOrderSeen = request.target !== 0 || call.client.has(ClientFlag.script);
  if (request.isUnsorted && type === ValueType.set && isOrderSeen) {
    request.isUnsorted = false;
    request.isAlpha = true;
    request.by = 0;
  }
  const elements = new ByteColumn();
  const run = record === 0 ? { start: 0, end: 0 } : load(call, record, request, elements);
  const order = Int32Array.from({ length: elements.count }, (_, index) => index);
  if (!request.isUnsorted) sortElements(call, request, { elements, order, run });
  reply(call, request, elements, order.subarray(run.start, run.end));
}

/** The part of the result that is wanted, the end not included. */
interface Run {
  readonly start: number;
  readonly end: number;
}

function runOf({ offset, limit }: SortRequest, count: number): Run {
  const start = Math.min(Math.max(offset, 0), count);
  return { start, end: limit < 0 ? count : Math.min(count, start + limit) };
}

/** Copies the elements into the column: all of them, or only the wanted run where they are in order already. */
function load(call: Call, record: number, request: SortRequest, elements: ByteColumn): Run {
  const { db, server } = call;
  const { list, set, sortedSet, span } = server.collections;
  const root = db.rootOf(record);
  const encoding = db.encodingOf(record);
  if (db.typeOf(record) === ValueType.set) {
    set.open(root, encoding);
    set.forEach((member) => {
      elements.add(member.buffer, member.offset, member.length);
    });
    return runOf(request, elements.count);
  }
  const isList = db.typeOf(record) === ValueType.list;
  const view = isList ? list : sortedSet;
  view.open(root, encoding);
  const run = request.isUnsorted ? runOf(request, view.count) : { start: 0, end: view.count };
  const size = run.end - run.start;
  if (size > 0) view.seek(request.isUnsorted && request.isDescending ? view.count - run.end : run.start);
  for (let left = size; left > 0; left--) {
    if (isList) list.read(span);
    else sortedSet.readMember(span);
    elements.add(span.buffer, span.offset, span.length);
    if (left > 1) view.next();
  }
  if (!request.isUnsorted) return runOf(request, size);
  if (request.isDescending) elements.reverse();
  return { start: 0, end: size };
}

interface Sorting {
  readonly elements: ByteColumn;
  readonly order: Int32Array;
  readonly run: Run;
}

function sortElements(call: Call, request: SortRequest, { elements, order, run }: Sorting): void {
  const comparison = request.isAlpha ? byText(call, request, elements) : byScore(call, request, elements);
  const compare: Comparison = request.isDescending ? (left, right) => -comparison(left, right) : comparison;
  const isPart = run.start !== 0 || run.end !== elements.count;
  if (request.by === 0 || !isPart) sortStably(order, compare);
  else if (run.end > run.start) sortRange(order, compare, run.start, run.end - 1);
}

function byScore(call: Call, { by }: SortRequest, elements: ByteColumn): Comparison {
  const scores = new Float64Array(elements.count);
  const lookup = by === 0 ? undefined : new PatternLookup(call, by);
  let isWrong = false;
  for (let index = 0; index < elements.count; index++) {
    const start = elements.start(index);
    const length = elements.length(index);
    if (lookup === undefined) scores[index] = sortScore(elements.bytes, start, length);
    else if (lookup.find(elements.bytes, start, length)) {
      const { value } = lookup;
      scores[index] = sortScore(value.buffer, value.offset, value.length);
    }
    isWrong ||= Number.isNaN(scores[index]);
  }
  if (isWrong) throw new CommandError("ERR One or more scores can't be converted into double");
  return (left, right) => {
    const difference = (scores[left] as number) - (scores[right] as number);
    if (difference > 0) return 1;
    // Infinity less infinity is not a number: equal too.
    return difference < 0 ? -1 : elements.compare(left, right);
  };
}

/** Texts to reply with end at a zero byte, as C compares them; texts to store are compared whole. */
function byText(call: Call, { by, target }: SortRequest, elements: ByteColumn): Comparison {
  if (by === 0) return comparisonOf(elements, target !== 0);
  const weights = new ByteColumn();
  const isMissing = new Uint8Array(elements.count);
  const lookup = new PatternLookup(call, by);
  for (let index = 0; index < elements.count; index++) {
    const isFound = lookup.find(elements.bytes, elements.start(index), elements.length(index));
    const { value } = lookup;
    if (isFound) weights.add(value.buffer, value.offset, value.length);
    else weights.add(value.buffer, 0, 0);
    isMissing[index] = isFound ? 0 : 1;
  }
  const compare = comparisonOf(weights, target !== 0);
  return (left, right) => {
    const difference = (isMissing[right] as number) - (isMissing[left] as number);
    return difference !== 0 || isMissing[left] === 1 ? difference : compare(left, right);
  };
}

function comparisonOf(column: ByteColumn, isWhole: boolean): Comparison {
  return isWhole ? (left, right) => column.compare(left, right) : (left, right) => column.compareText(left, right);
}

function reply(call: Call, request: SortRequest, elements: ByteColumn, order: Int32Array): void {
  const lookups = request.gets.map((argument) => new PatternLookup(call, argument));
  if (request.target !== 0) {
    storeResult(call, request.target, { elements, order, lookups });
    return;
  }
  call.reply.array(order.length * Math.max(1, lookups.length));
  forEachResult({ elements, order, lookups }, (bytes, offset, length) => {
    if (length < 0) call.reply.nil();
    else call.reply.bulk(bytes, offset, length);
  });
}

interface Result {
  readonly elements: ByteColumn;
  readonly order: Int32Array;
  readonly lookups: readonly PatternLookup[];
}

/** A negative length: nothing was found. */
function forEachResult(result: Result, visit: (bytes: Buffer, offset: number, length: number) => void): void {
  const { elements, order, lookups } = result;
  for (const index of order) {
    const start = elements.start(index);
    const length = elements.length(index);
    if (lookups.length === 0) visit(elements.bytes, start, length);
    for (const lookup of lookups) {
      const { value } = lookup;
      if (lookup.find(elements.bytes, start, length)) visit(value.buffer, value.offset, value.length);
      else visit(elements.bytes, 0, -1);
    }
  }
}

function storeResult(call: Call, target: number, result: Result): void {
  const count = result.order.length * Math.max(1, result.lookups.length);
  call.reply.integer(count);
  if (count === 0) {
    remove(call, target);
    return;
  }
  const list = call.server.collections.createListView();
  list.create();
  forEachResult(result, (bytes, offset, length) => {
    const size = Math.max(0, length);
    list.growFor(size, 1);
    list.pushTail(bytes, offset, size);
  });
  replace(call, target, ValueType.list, list, "sortstore");
}
