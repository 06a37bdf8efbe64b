/**
 * Hashes: fields set, read and removed. Arithmetic on values and random or incremental reading: hash-extras.ts.
 * HSET and HGET are hot: they allocate nothing.
 */

import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { openForRead } from "./collection-keys.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, wrongArity } from "./errors.ts";
import { readHash, storeHash, writeHash } from "./hash-access.ts";

export const hashCommands = defineCommands([
  {
    name: "hset",
    arity: -4,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "update"),
    group: "hash",
    since: "2.0.0",
    complexity: "O(1) for each field",
    summary: "Sets fields of a hash, which is made if it is not there.",
    syntax: "key field value [field value ...]",
    run: hset,
  },
  {
    name: "hmset",
    arity: -4,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "update"),
    group: "hash",
    since: "2.0.0",
    complexity: "O(1) for each field",
    summary: "Sets fields of a hash; HSET does the same.",
    syntax: "key field value [field value ...]",
    run: hmset,
  },
  {
    name: "hsetnx",
    arity: 4,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "insert"),
    group: "hash",
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Sets a field that does not exist.",
    syntax: "key field value",
    run: hsetnx,
  },
  {
    name: "hget",
    arity: 3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "hash",
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Gives the value of a field.",
    syntax: "key field",
    run: hget,
  },
  {
    name: "hmget",
    arity: -3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO", "access"),
    group: "hash",
    since: "2.0.0",
    complexity: "O(N) in the number of fields asked for",
    summary: "Gives the values of several fields.",
    syntax: "key field [field ...]",
    run: hmget,
  },
  {
    name: "hgetall",
    arity: 2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "hash",
    tips: ["nondeterministic_output_order"],
    since: "2.0.0",
    complexity: "O(N) in the size of the hash",
    summary: "Gives all fields and values.",
    syntax: "key",
    run: hgetall,
  },
  {
    name: "hkeys",
    arity: 2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "hash",
    tips: ["nondeterministic_output_order"],
    since: "2.0.0",
    complexity: "O(N) in the size of the hash",
    summary: "Gives all fields.",
    syntax: "key",
    run: (call) => replyHalf(call, true),
  },
  {
    name: "hvals",
    arity: 2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "hash",
    tips: ["nondeterministic_output_order"],
    since: "2.0.0",
    complexity: "O(N) in the size of the hash",
    summary: "Gives all values.",
    syntax: "key",
    run: (call) => replyHalf(call, false),
  },
  {
    name: "hlen",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "hash",
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Gives the number of fields.",
    syntax: "key",
    run: hlen,
  },
  {
    name: "hstrlen",
    arity: 3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "hash",
    since: "3.2.0",
    complexity: "O(1)",
    summary: "Gives the length of a field's value.",
    syntax: "key field",
    run: hstrlen,
  },
  {
    name: "hexists",
    arity: 3,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "hash",
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Tells whether a field exists.",
    syntax: "key field",
    run: hexists,
  },
  {
    name: "hdel",
    arity: -3,
    flags: ["write", "fast"],
    keys: oneKey("RW", "delete"),
    group: "hash",
    since: "2.0.0",
    complexity: "O(N) in the number of fields to remove",
    summary: "Removes fields.",
    syntax: "key field [field ...]",
    run: hdel,
  },
]);

function hset(call: Call): void {
  call.reply.integer(setFields(call, "hset"));
}

function hmset(call: Call): void {
  setFields(call, "hmset");
  call.reply.ok();
}

function setFields(call: Call, name: string): number {
  const { buffer, offset, length, argc } = call;
  if ((argc & 1) === 1) throw new CommandError(wrongArity(name));
  const { hash } = call.server.collections;
  const record = writeHash(call, 2, 2);
  if (record === 0) hash.create();
  hash.prepareFor((argc - 2) >>> 1);
  let added = 0;
  for (let i = 2; i < argc; i += 2) {
    const fieldOffset = offset[i] as number;
    const valueOffset = offset[i + 1] as number;
    const valueLength = length[i + 1] as number;
    if (hash.set(buffer, fieldOffset, length[i] as number, buffer, valueOffset, valueLength)) added++;
  }
  storeHash(call, record, "hset");
  return added;
}

function hsetnx(call: Call): void {
  const { buffer, offset, length } = call;
  const { hash } = call.server.collections;
  const record = writeHash(call, 2, 2);
  if (record === 0) hash.create();
  else if (hash.has(buffer, offset[2] as number, length[2] as number)) {
    call.reply.integer(0);
    return;
  }
  hash.set(buffer, offset[2] as number, length[2] as number, buffer, offset[3] as number, length[3] as number);
  storeHash(call, record, "hset");
  call.reply.integer(1);
}

function hget(call: Call): void {
  const { hash, span } = call.server.collections;
  const exists = readHash(call, 2);
  if (exists && hash.get(call.buffer, call.offset[2] as number, call.length[2] as number, span)) {
    call.reply.bulk(span.buffer, span.offset, span.length);
  } else call.reply.nil();
}

function hmget(call: Call): void {
  const { buffer, offset, length, argc, reply } = call;
  const { hash, span } = call.server.collections;
  const exists = readHash(call, 2);
  reply.array(argc - 2);
  for (let i = 2; i < argc; i++) {
    if (exists && hash.get(buffer, offset[i] as number, length[i] as number, span)) {
      reply.bulk(span.buffer, span.offset, span.length);
    } else reply.nil();
  }
}

function hgetall(call: Call): void {
  const { hash } = call.server.collections;
  const { reply } = call;
  if (!openForRead(call, 1, ValueType.hash, hash)) {
    reply.map(0);
    return;
  }
  reply.map(hash.visibleCount);
  hash.forEach((field, value) => {
    reply.bulk(field.buffer, field.offset, field.length);
    reply.bulk(value.buffer, value.offset, value.length);
  });
}

function replyHalf(call: Call, isFields: boolean): void {
  const { hash } = call.server.collections;
  const { reply } = call;
  if (!openForRead(call, 1, ValueType.hash, hash)) {
    reply.array(0);
    return;
  }
  reply.array(hash.visibleCount);
  hash.forEach((field, value) => {
    const span = isFields ? field : value;
    reply.bulk(span.buffer, span.offset, span.length);
  });
}

/** Counts expired fields as well, until they are deleted: as Redis does. */
function hlen(call: Call): void {
  const { hash } = call.server.collections;
  call.reply.integer(openForRead(call, 1, ValueType.hash, hash) ? hash.count : 0);
}

function hstrlen(call: Call): void {
  const { hash, span } = call.server.collections;
  const exists = readHash(call, 2);
  const found = exists && hash.get(call.buffer, call.offset[2] as number, call.length[2] as number, span);
  call.reply.integer(found ? span.length : 0);
}

function hexists(call: Call): void {
  const { hash } = call.server.collections;
  const exists = readHash(call, 2);
  call.reply.integer(exists && hash.has(call.buffer, call.offset[2] as number, call.length[2] as number) ? 1 : 0);
}

function hdel(call: Call): void {
  const { buffer, offset, length, argc } = call;
  const { hash } = call.server.collections;
  const record = writeHash(call, 2);
  let removed = 0;
  if (record !== 0) {
    for (let i = 2; i < argc && hash.count > 0; i++) {
      if (hash.delete(buffer, offset[i] as number, length[i] as number)) removed++;
    }
    if (removed > 0) storeHash(call, record, "hdel");
  }
  call.reply.integer(removed);
}
