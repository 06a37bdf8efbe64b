/**
 * Unions, intersections and differences of sorted sets; plain sets take part with score 1. The result is built as a sorted
 * set of its own: it becomes the value of the destination, or the reply is made from it and it is freed again. Inputs are
 * worked through from the smallest to the largest, as in Redis, because sums of floating-point scores depend on the order.
 */

import type { ByteSpan } from "../memory/byte-span.ts";
import { parseDouble } from "../memory/double-parse.ts";
import type { SetValue } from "../values/set.ts";
import type { SortedSetValue } from "../values/sorted-set.ts";
import { ValueType } from "../values/value-type.ts";
import { integerArgument, rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { discard, remove, replace } from "./collection-keys.ts";
import { countedKeys, defineCommands, type KeySpec, keyAt } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { replyScore } from "./sorted-sets.ts";

const READ_KEYS: readonly KeySpec[] = [countedKeys(1, "RO", "access")];
const STORE_KEYS: readonly KeySpec[] = [keyAt(1, "OW", "update"), countedKeys(2, "RO", "access")];
const WEIGHTED = "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]";

export const sortedSetAlgebraCommands = defineCommands([
  {
    name: "zunion",
    arity: -3,
    flags: ["readonly", "movablekeys"],
    keys: READ_KEYS,
    group: "sorted-set",
    since: "6.2.0",
    complexity: "O(N)+O(M*log(M)): N the sizes added up, M the size of the result",
    summary: "Gives the union of sorted sets.",
    syntax: `${WEIGHTED} [WITHSCORES]`,
    run: (call) => replyResult(call, unite, "zunion"),
  },
  {
    name: "zunionstore",
    arity: -4,
    flags: ["write", "denyoom", "movablekeys"],
    keys: STORE_KEYS,
    group: "sorted-set",
    since: "2.0.0",
    complexity: "O(N)+O(M*log(M)): N the sizes added up, M the size of the result",
    summary: "Stores the union of sorted sets.",
    syntax: `destination ${WEIGHTED}`,
    run: (call) => storeResult(call, unite, "zunionstore"),
  },
  {
    name: "zinter",
    arity: -3,
    flags: ["readonly", "movablekeys"],
    keys: READ_KEYS,
    group: "sorted-set",
    since: "6.2.0",
    complexity: "O(N*K)+O(M*log(M)): N the smallest size, K the number of inputs, M the size of the result",
    summary: "Gives the intersection of sorted sets.",
    syntax: `${WEIGHTED} [WITHSCORES]`,
    run: (call) => replyResult(call, intersect, "zinter"),
  },
  {
    name: "zinterstore",
    arity: -4,
    flags: ["write", "denyoom", "movablekeys"],
    keys: STORE_KEYS,
    group: "sorted-set",
    since: "2.0.0",
    complexity: "O(N*K)+O(M*log(M)): N the smallest size, K the number of inputs, M the size of the result",
    summary: "Stores the intersection of sorted sets.",
    syntax: `destination ${WEIGHTED}`,
    run: (call) => storeResult(call, intersect, "zinterstore"),
  },
  {
    name: "zintercard",
    arity: -3,
    flags: ["readonly", "movablekeys"],
    keys: READ_KEYS,
    group: "sorted-set",
    since: "7.0.0",
    complexity: "O(N*K): N the smallest size, K the number of inputs",
    summary: "Counts the members of the intersection of sorted sets.",
    syntax: "numkeys key [key ...] [LIMIT limit]",
    run: zintercard,
  },
  {
    name: "zdiff",
    arity: -3,
    flags: ["readonly", "movablekeys"],
    keys: READ_KEYS,
    group: "sorted-set",
    since: "6.2.0",
    complexity: "O(N*K)+O(M*log(M)): N the size of the first input, K the number of inputs, M the size of the result",
    summary: "Gives the difference of the first sorted set and the others.",
    syntax: "numkeys key [key ...] [WITHSCORES]",
    run: (call) => replyResult(call, subtract, "zdiff"),
  },
  {
    name: "zdiffstore",
    arity: -4,
    flags: ["write", "denyoom", "movablekeys"],
    keys: STORE_KEYS,
    group: "sorted-set",
    since: "6.2.0",
    complexity: "O(N*K)+O(M*log(M)): N the size of the first input, K the number of inputs, M the size of the result",
    summary: "Stores the difference of the first sorted set and the others.",
    syntax: "destination numkeys key [key ...]",
    run: (call) => storeResult(call, subtract, "zdiffstore"),
  },
]);

/** A set or sorted set that takes part; without either, the key is missing. */
interface Input {
  readonly set: SetValue | undefined;
  readonly sortedSet: SortedSetValue | undefined;
  weight: number;
}

type Aggregate = (left: number, right: number) => number;
/** Fills an empty sorted set with the result. */
type Operation = (inputs: readonly Input[], aggregate: Aggregate, result: SortedSetValue, span: ByteSpan) => void;
/** Returns false when it needs no more members. */
type Visit = (member: ByteSpan, score: number) => boolean;

const sum: Aggregate = (left, right) => {
  const total = left + right;
  return Number.isNaN(total) ? 0 : total;
};
// Not Math.min and Math.max: where neither is less the left one stays, be it 0 beside -0 or the right one no number.
const least: Aggregate = (left, right) => {
  if (right < left) return right;
  return left;
};
const greatest: Aggregate = (left, right) => {
  if (right > left) return right;
  return left;
};

const unite: Operation = (inputs, aggregate, result, span) => {
  for (const input of bySize(inputs)) {
    forEachMember(input, span, (member, score) => {
      const added = weighted(score, input.weight);
      const current = result.score(member.buffer, member.offset, member.length);
      const total = Number.isNaN(current) ? added : aggregate(current, added);
      // -0 and 0 are the same score to a set, but the sum's own sign is to be kept.
      if (total === 0 && !Object.is(total, current)) result.remove(member.buffer, member.offset, member.length);
      result.set(total, member.buffer, member.offset, member.length);
      return true;
    });
  }
};

const intersect: Operation = (inputs, aggregate, result, span) => {
  forEachCommon(inputs, aggregate, span, (member, score) => {
    result.set(score, member.buffer, member.offset, member.length);
    return true;
  });
};

const subtract: Operation = ([first, ...others], _aggregate, result, span) => {
  if (first === undefined) return;
  forEachMember(first, span, (member, score) => {
    const isElsewhere = others.some((other) => !Number.isNaN(scoreIn(other, member)));
    if (!isElsewhere) result.set(score, member.buffer, member.offset, member.length);
    return true;
  });
};

function forEachCommon(inputs: readonly Input[], aggregate: Aggregate, span: ByteSpan, visit: Visit): void {
  const [smallest, ...others] = bySize(inputs);
  if (smallest === undefined) return;
  forEachMember(smallest, span, (member, score) => {
    let total = weighted(score, smallest.weight);
    for (const other of others) {
      const theirs = scoreIn(other, member);
      if (Number.isNaN(theirs)) return true;
      total = aggregate(total, theirs * other.weight);
    }
    return visit(member, total);
  });
}

function bySize(inputs: readonly Input[]): Input[] {
  return inputs.toSorted((left, right) => sizeOf(left) - sizeOf(right));
}

function sizeOf({ set, sortedSet }: Input): number {
  return set?.count ?? sortedSet?.count ?? 0;
}

/** The member's score in an input, NaN if it is not there. */
function scoreIn({ set, sortedSet }: Input, { buffer, offset, length }: ByteSpan): number {
  if (sortedSet !== undefined) return sortedSet.score(buffer, offset, length);
  return set?.has(buffer, offset, length) === true ? 1 : Number.NaN;
}

function weighted(score: number, weight: number): number {
  const product = score * weight;
  return Number.isNaN(product) ? 0 : product;
}

function forEachMember({ set, sortedSet }: Input, span: ByteSpan, visit: Visit): void {
  let goesOn = true;
  set?.forEach((member) => {
    if (goesOn) goesOn = visit(member, 1);
  });
  if (sortedSet === undefined) return;
  sortedSet.seek(0);
  for (let left = sortedSet.count; left > 0 && goesOn; left--) {
    sortedSet.readMember(span);
    goesOn = visit(span, sortedSet.scoreAtCursor);
    sortedSet.next();
  }
}

interface Request {
  readonly inputs: readonly Input[];
  aggregate: Aggregate;
  withScores: boolean;
  limit: number;
}

/** Which options a command of this family takes. */
interface Form {
  readonly name: string;
  /** The argument with the number of keys. */
  readonly countAt: number;
  readonly hasWeights: boolean;
  readonly hasScores: boolean;
  readonly hasLimit: boolean;
}

function parseRequest(call: Call, form: Form): Request {
  const keys = integerArgument(call, form.countAt);
  if (keys < 1) throw new CommandError(`ERR at least 1 input key is needed for '${form.name}' command`);
  const first = form.countAt + 1;
  if (keys > call.argc - first) throw new CommandError(ERRORS.syntax);
  const inputs: Input[] = [];
  for (let i = first; i < first + keys; i++) inputs.push(openInput(call, i));
  const request: Request = { inputs, aggregate: sum, withScores: false, limit: 0 };
  for (let i = first + keys; i < call.argc; ) i = parseOption(call, i, form, request);
  return request;
}

/** Reads the option at this argument; returns the argument behind it. */
function parseOption(call: Call, at: number, form: Form, request: Request): number {
  const { inputs } = request;
  const following = call.argc - at - 1;
  if (form.hasWeights && following >= inputs.length && call.is(at, "weights")) {
    inputs.forEach((input, k) => {
      input.weight = weightArgument(call, at + 1 + k);
    });
    return at + 1 + inputs.length;
  }
  if (form.hasWeights && following >= 1 && call.is(at, "aggregate")) {
    request.aggregate = aggregateArgument(call, at + 1);
    return at + 2;
  }
  if (form.hasScores && call.is(at, "withscores")) {
    request.withScores = true;
    return at + 1;
  }
  if (form.hasLimit && following >= 1 && call.is(at, "limit")) {
    request.limit = rangedArgument(call, at + 1, 0, "ERR LIMIT can't be negative");
    return at + 2;
  }
  throw new CommandError(ERRORS.syntax);
}

function weightArgument(call: Call, argument: number): number {
  const weight = parseDouble(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (Number.isNaN(weight)) throw new CommandError("ERR weight value is not a float");
  return weight;
}

function aggregateArgument(call: Call, argument: number): Aggregate {
  if (call.is(argument, "sum")) return sum;
  if (call.is(argument, "min")) return least;
  if (call.is(argument, "max")) return greatest;
  throw new CommandError(ERRORS.syntax);
}

function openInput(call: Call, argument: number): Input {
  const { db } = call;
  const { collections } = call.server;
  const input = { set: undefined, sortedSet: undefined, weight: 1 };
  const record = db.lookupRead(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (record === 0) return input;
  if (db.typeOf(record) === ValueType.set) {
    const set = collections.createSetView();
    set.open(db.rootOf(record), db.encodingOf(record));
    return { ...input, set };
  }
  if (db.typeOf(record) !== ValueType.sortedSet) throw new CommandError(ERRORS.wrongType);
  const sortedSet = collections.createSortedSetView();
  sortedSet.open(db.rootOf(record), db.encodingOf(record));
  return { ...input, sortedSet };
}

/** The result as a new sorted set, which belongs to the caller. */
function build(call: Call, request: Request, operation: Operation): SortedSetValue {
  const { collections } = call.server;
  const result = collections.createSortedSetView();
  // Large from the start, because a listpack would lose the sign of a score of -0.
  result.createTable(1);
  operation(request.inputs, request.aggregate, result, collections.span);
  return result;
}

function replyResult(call: Call, operation: Operation, name: string): void {
  const hasWeights = operation !== subtract;
  const request = parseRequest(call, { name, countAt: 1, hasWeights, hasScores: true, hasLimit: false });
  const result = build(call, request, operation);
  const { reply } = call;
  const { span } = call.server.collections;
  const { withScores } = request;
  const isNested = withScores && reply.resp3;
  const { count } = result;
  reply.array(withScores && !isNested ? count * 2 : count);
  if (count > 0) result.seek(0);
  for (let left = count; left > 0; left--, result.next()) {
    if (isNested) reply.array(2);
    result.readMember(span);
    reply.bulk(span.buffer, span.offset, span.length);
    if (withScores) replyScore(call, result.scoreAtCursor);
  }
  discard(call, ValueType.sortedSet, result);
}

function storeResult(call: Call, operation: Operation, name: string): void {
  const hasWeights = operation !== subtract;
  const request = parseRequest(call, { name, countAt: 2, hasWeights, hasScores: false, hasLimit: false });
  const result = build(call, request, operation);
  const { count } = result;
  result.pack();
  if (count > 0) replace(call, 1, ValueType.sortedSet, result, call.commandName);
  else {
    discard(call, ValueType.sortedSet, result);
    remove(call, 1);
  }
  call.reply.integer(count);
}

function zintercard(call: Call): void {
  const request = parseRequest(call, {
    ...{ name: "zintercard", countAt: 1 },
    ...{ hasWeights: false, hasScores: false, hasLimit: true },
  });
  let count = 0;
  forEachCommon(request.inputs, sum, call.server.collections.span, () => {
    count++;
    return count !== request.limit;
  });
  call.reply.integer(count);
}
