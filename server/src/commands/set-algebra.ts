/**
 * Intersections, unions and differences of sets. The result is built as a set of its own: it becomes the value of the
 * destination, or the reply is made from it and it is freed again.
 */

import type { SetValue } from "../values/set.ts";
import { ValueType } from "../values/value-type.ts";
import { rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { discard, openForRead, remove, replace } from "./collection-keys.ts";
import { countedKeys, defineCommands, type KeySpec, keyAt, keyRange } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

const STORE_KEYS: readonly KeySpec[] = [keyAt(1, "OW", "update"), ...keyRange(2, -1, 1, "RO", "access")];

export const setAlgebraCommands = defineCommands([
  {
    name: "sinter",
    arity: -2,
    flags: ["readonly"],
    keys: keyRange(1, -1, 1, "RO", "access"),
    group: "set",
    tips: ["nondeterministic_output_order"],
    since: "1.0.0",
    complexity: "O(N*M): N the size of the smallest set, M the number of sets",
    summary: "Gives the members that all sets have.",
    syntax: "key [key ...]",
    run: (call) => replyResult(call, intersect),
  },
  {
    name: "sinterstore",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: [keyAt(1, "RW", "update"), ...STORE_KEYS.slice(1)],
    group: "set",
    since: "1.0.0",
    complexity: "O(N*M): N the size of the smallest set, M the number of sets",
    summary: "Stores the members that all sets have.",
    syntax: "destination key [key ...]",
    run: (call) => storeResult(call, intersect),
  },
  {
    name: "sintercard",
    arity: -3,
    flags: ["readonly", "movablekeys"],
    keys: [countedKeys(1, "RO", "access")],
    group: "set",
    since: "7.0.0",
    complexity: "O(N*M): N the size of the smallest set, M the number of sets",
    summary: "Counts the members that all sets have.",
    syntax: "numkeys key [key ...] [LIMIT limit]",
    run: sintercard,
  },
  {
    name: "sunion",
    arity: -2,
    flags: ["readonly"],
    keys: keyRange(1, -1, 1, "RO", "access"),
    group: "set",
    tips: ["nondeterministic_output_order"],
    since: "1.0.0",
    complexity: "O(N) in the number of members of all sets",
    summary: "Gives the members that any of the sets has.",
    syntax: "key [key ...]",
    run: (call) => replyResult(call, unite),
  },
  {
    name: "sunionstore",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: STORE_KEYS,
    group: "set",
    since: "1.0.0",
    complexity: "O(N) in the number of members of all sets",
    summary: "Stores the members that any of the sets has.",
    syntax: "destination key [key ...]",
    run: (call) => storeResult(call, unite),
  },
  {
    name: "sdiff",
    arity: -2,
    flags: ["readonly"],
    keys: keyRange(1, -1, 1, "RO", "access"),
    group: "set",
    tips: ["nondeterministic_output_order"],
    since: "1.0.0",
    complexity: "O(N*M): N the size of the first set, M the number of sets",
    summary: "Gives the members of the first set that no other set has.",
    syntax: "key [key ...]",
    run: (call) => replyResult(call, subtract),
  },
  {
    name: "sdiffstore",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: STORE_KEYS,
    group: "set",
    since: "1.0.0",
    complexity: "O(N*M): N the size of the first set, M the number of sets",
    summary: "Stores the members of the first set that no other set has.",
    syntax: "destination key [key ...]",
    run: (call) => storeResult(call, subtract),
  },
]);

/** Called with each member of a result, in a union with some more than once. */
type Visit = (buffer: Buffer, offset: number, length: number) => void;
type Operation = (sets: readonly (SetValue | undefined)[], visit: Visit) => void;

/** Views on the sets at these arguments, undefined where there is no key. */
function openSets(call: Call, first: number, end: number): (SetValue | undefined)[] {
  const sets: (SetValue | undefined)[] = [];
  for (let i = first; i < end; i++) {
    const view = call.server.collections.createSetView();
    sets.push(openForRead(call, i, ValueType.set, view) ? view : undefined);
  }
  return sets;
}

const intersect: Operation = (sets, visit) => {
  if (sets.includes(undefined)) return;
  const [smallest, ...others] = (sets as SetValue[]).toSorted((a, b) => a.count - b.count);
  smallest?.forEach((member) => {
    const isCommon = others.every((other) => other.has(member.buffer, member.offset, member.length));
    if (isCommon) visit(member.buffer, member.offset, member.length);
  });
};

const unite: Operation = (sets, visit) => {
  for (const set of sets) {
    set?.forEach((member) => {
      visit(member.buffer, member.offset, member.length);
    });
  }
};

const subtract: Operation = ([first, ...others], visit) => {
  first?.forEach((member) => {
    const isElsewhere = others.some((other) => other?.has(member.buffer, member.offset, member.length));
    if (!isElsewhere) visit(member.buffer, member.offset, member.length);
  });
};

/** The result as a new set, which belongs to the caller; undefined if it is empty. */
function build(call: Call, firstKey: number, operation: Operation): SetValue | undefined {
  const sets = openSets(call, firstKey, call.argc);
  const result = call.server.collections.createSetView();
  let isMade = false;
  operation(sets, (buffer, offset, length) => {
    if (!isMade) result.create(buffer, offset, length, 1);
    isMade = true;
    result.add(buffer, offset, length);
  });
  return isMade ? result : undefined;
}

function replyResult(call: Call, operation: Operation): void {
  const { reply } = call;
  const result = build(call, 1, operation);
  if (result === undefined) {
    reply.set(0);
    return;
  }
  reply.set(result.count);
  result.forEach((member) => {
    reply.bulk(member.buffer, member.offset, member.length);
  });
  discard(call, ValueType.set, result);
}

function storeResult(call: Call, operation: Operation): void {
  const result = build(call, 2, operation);
  const count = result?.count ?? 0;
  if (result !== undefined) replace(call, 1, ValueType.set, result, call.commandName);
  else remove(call, 1);
  call.reply.integer(count);
}

function sintercard(call: Call): void {
  const keys = rangedArgument(call, 1, 1, "ERR numkeys should be greater than 0");
  if (keys > call.argc - 2) throw new CommandError("ERR Number of keys can't be greater than number of args");
  let limit = 0;
  for (let i = 2 + keys; i < call.argc; i++) {
    if (!call.is(i, "limit") || i + 1 >= call.argc) throw new CommandError(ERRORS.syntax);
    limit = rangedArgument(call, ++i, 0, "ERR LIMIT can't be negative");
  }
  let count = 0;
  intersect(openSets(call, 2, 2 + keys), () => {
    count++;
  });
  call.reply.integer(limit > 0 ? Math.min(limit, count) : count);
}
