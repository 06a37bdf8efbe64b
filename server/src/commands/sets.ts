/** Sets: members of one set, and SMOVE. Intersections, unions and differences: set-algebra.ts. SADD and SISMEMBER are hot. */

import { EventClass } from "../keyspace/event-classes.ts";
import { ValueType } from "../values/value-type.ts";
import { countArgument, rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite, store } from "./collection-keys.ts";
import { defineCommands, keyAt, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { cursorArgument, matches, scanOptions } from "./key-scan.ts";
import { drawDistinct } from "./random-draw.ts";

export const setCommands = defineCommands([
  {
    name: "sadd",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "insert"),
    group: "set",
    since: "1.0.0",
    complexity: "O(1) for each member",
    summary: "Adds members to a set, which is made if it is not there.",
    syntax: "key member [member ...]",
    run: sadd,
  },
  {
    name: "srem",
    arity: -3,
    flags: ["write", "fast"],
    keys: oneKey("RW", "delete"),
    group: "set",
    since: "1.0.0",
    complexity: "O(N) in the number of members to remove",
    summary: "Removes members.",
    syntax: "key member [member ...]",
    run: srem,
  },
  {
    name: "sismember",
    arity: 3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "set",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Tells whether something is a member.",
    syntax: "key member",
    run: sismember,
  },
  {
    name: "smismember",
    arity: -3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "set",
    since: "6.2.0",
    complexity: "O(N) in the number of members asked for",
    summary: "Tells of several things whether they are members.",
    syntax: "key member [member ...]",
    run: smismember,
  },
  {
    name: "smembers",
    arity: 2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "set",
    tips: ["nondeterministic_output_order"],
    since: "1.0.0",
    complexity: "O(N) in the size of the set",
    summary: "Gives all members.",
    syntax: "key",
    run: smembers,
  },
  {
    name: "scard",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "set",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Gives the number of members.",
    syntax: "key",
    run: scard,
  },
  {
    name: "spop",
    arity: -2,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    group: "set",
    tips: ["nondeterministic_output"],
    since: "1.0.0",
    complexity: "O(N) in the number of members taken",
    summary: "Takes random members out of a set.",
    syntax: "key [count]",
    run: spop,
  },
  {
    name: "srandmember",
    arity: -2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "set",
    tips: ["nondeterministic_output"],
    since: "1.0.0",
    complexity: "O(N) in the number of members given",
    summary: "Gives random members.",
    syntax: "key [count]",
    run: srandmember,
  },
  {
    name: "smove",
    arity: 4,
    flags: ["write", "fast"],
    keys: [keyAt(1, "RW", "access", "delete"), keyAt(2, "RW", "insert")],
    group: "set",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Moves a member from one set to another.",
    syntax: "source destination member",
    run: smove,
  },
  {
    name: "sscan",
    arity: -3,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "set",
    tips: ["nondeterministic_output"],
    since: "2.8.0",
    complexity: "O(1) a call, O(N) for a whole iteration",
    summary: "Iterates over the members of a set, a few at a time.",
    syntax: "key cursor [MATCH pattern] [COUNT count]",
    run: sscan,
  },
]);

function sadd(call: Call): void {
  const { buffer, offset, length, argc } = call;
  const { set } = call.server.collections;
  const record = openForWrite(call, 1, ValueType.set, set);
  if (record === 0) set.create(buffer, offset[2] as number, length[2] as number, argc - 2);
  else set.prepareFor(argc - 2);
  let added = 0;
  for (let i = 2; i < argc; i++) if (set.add(buffer, offset[i] as number, length[i] as number)) added++;
  if (added > 0) store(call, 1, record, ValueType.set, set, "sadd");
  else call.db.setRoot(record, set.root, set.encoding);
  call.reply.integer(added);
}

function srem(call: Call): void {
  const { buffer, offset, length, argc } = call;
  const { set } = call.server.collections;
  const record = openForWrite(call, 1, ValueType.set, set);
  let removed = 0;
  if (record !== 0) {
    for (let i = 2; i < argc && set.count > 0; i++) {
      if (set.remove(buffer, offset[i] as number, length[i] as number)) removed++;
    }
    if (removed > 0) store(call, 1, record, ValueType.set, set, "srem");
  }
  call.reply.integer(removed);
}

function sismember(call: Call): void {
  const { set } = call.server.collections;
  const exists = openForRead(call, 1, ValueType.set, set);
  call.reply.integer(exists && set.has(call.buffer, call.offset[2] as number, call.length[2] as number) ? 1 : 0);
}

function smismember(call: Call): void {
  const { buffer, offset, length, argc, reply } = call;
  const { set } = call.server.collections;
  const exists = openForRead(call, 1, ValueType.set, set);
  reply.array(argc - 2);
  for (let i = 2; i < argc; i++) {
    reply.integer(exists && set.has(buffer, offset[i] as number, length[i] as number) ? 1 : 0);
  }
}

function smembers(call: Call): void {
  const { set } = call.server.collections;
  const { reply } = call;
  if (!openForRead(call, 1, ValueType.set, set)) {
    reply.set(0);
    return;
  }
  reply.set(set.count);
  replyMembers(call);
}

function replyMembers(call: Call): void {
  const { reply } = call;
  call.server.collections.set.forEach((member) => {
    reply.bulk(member.buffer, member.offset, member.length);
  });
}

function scard(call: Call): void {
  const { set } = call.server.collections;
  call.reply.integer(openForRead(call, 1, ValueType.set, set) ? set.count : 0);
}

function spop(call: Call): void {
  if (call.argc > 3) throw new CommandError(ERRORS.syntax);
  if (call.argc === 3) {
    spopCount(call);
    return;
  }
  const { set, random, span } = call.server.collections;
  const record = openForWrite(call, 1, ValueType.set, set);
  if (record === 0) {
    call.reply.nil();
    return;
  }
  set.random(random, span);
  call.reply.bulk(span.buffer, span.offset, span.length);
  if (call.isPropagated) call.propagateInstead("SREM", call.copy(1), span.toBuffer());
  set.removeDrawn(span);
  store(call, 1, record, ValueType.set, set, "spop");
}

function spopCount(call: Call): void {
  const count = countArgument(call, 2);
  const { set } = call.server.collections;
  const { reply } = call;
  const record = openForWrite(call, 1, ValueType.set, set);
  if (record === 0 || count === 0) {
    reply.set(0);
    return;
  }
  if (count >= set.count) {
    reply.set(set.count);
    replyMembers(call);
    call.propagateInstead("DEL", call.copy(1));
    call.db.delete(call.buffer, call.offset[1] as number, call.length[1] as number);
    call.signalModified(1);
    call.notify(EventClass.set, "spop", 1);
    call.notify(EventClass.generic, "del", 1);
    return;
  }
  const members = drawMembers(call, count);
  reply.set(count);
  for (const member of members) {
    reply.bulkBuffer(member);
    set.remove(member, 0, member.length);
  }
  call.propagateWords(["SREM", call.copy(1), ...members]);
  store(call, 1, record, ValueType.set, set, "spop");
}

/** Copies of so many different members of the open set, fewer than it has. */
function drawMembers(call: Call, count: number): Buffer[] {
  const { set, random, span } = call.server.collections;
  return drawDistinct(random, count, set.count, {
    draw: () => {
      set.random(random, span);
      return span.toBuffer();
    },
    all: (add) =>
      set.forEach((member) => {
        add(member.toBuffer());
      }),
  });
}

function srandmember(call: Call): void {
  const { set, random, span } = call.server.collections;
  const { reply } = call;
  if (call.argc > 3) throw new CommandError(ERRORS.syntax);
  if (call.argc === 2) {
    if (!openForRead(call, 1, ValueType.set, set)) {
      reply.nil();
      return;
    }
    set.random(random, span);
    reply.bulk(span.buffer, span.offset, span.length);
    return;
  }
  const count = rangedArgument(call, 2, -LARGEST);
  if (!openForRead(call, 1, ValueType.set, set) || count === 0) {
    reply.array(0);
    return;
  }
  if (count >= set.count) {
    reply.array(set.count);
    replyMembers(call);
    return;
  }
  reply.array(Math.abs(count));
  if (count > 0) for (const member of drawMembers(call, count)) reply.bulkBuffer(member);
  for (let left = -count; left > 0; left--) {
    set.random(random, span);
    reply.bulk(span.buffer, span.offset, span.length);
  }
}

const LARGEST = 2 ** 63 - 1;

function smove(call: Call): void {
  const { set: source, secondSet: target } = call.server.collections;
  const { buffer } = call;
  const offset = call.offset[3] as number;
  const length = call.length[3] as number;
  const record = openForWrite(call, 1, ValueType.set, source);
  if (record === 0) {
    call.reply.integer(0);
    return;
  }
  const targetRecord = openForWrite(call, 2, ValueType.set, target);
  if (targetRecord === record) {
    call.reply.integer(source.has(buffer, offset, length) ? 1 : 0);
    return;
  }
  if (!source.remove(buffer, offset, length)) {
    call.reply.integer(0);
    return;
  }
  store(call, 1, record, ValueType.set, source, "srem");
  if (targetRecord === 0) target.create(buffer, offset, length, 1);
  if (target.add(buffer, offset, length)) store(call, 2, targetRecord, ValueType.set, target, "sadd");
  call.reply.integer(1);
}

function sscan(call: Call): void {
  const cursor = cursorArgument(call, 2);
  const { set } = call.server.collections;
  const { reply } = call;
  const found: Buffer[] = [];
  let next = 0;
  if (openForRead(call, 1, ValueType.set, set)) {
    const { count, pattern } = scanOptions(call, 3, []);
    next = set.scan(cursor, count, (member) => {
      if (matches(pattern, member.buffer, member.offset, member.length)) found.push(member.toBuffer());
    });
  }
  reply.array(2);
  reply.bulkString(String(next));
  reply.array(found.length);
  for (const member of found) reply.bulkBuffer(member);
}
