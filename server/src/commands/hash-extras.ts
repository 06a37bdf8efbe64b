/** Hashes, continued: arithmetic on values, random fields and HSCAN. */

import { addLongDouble, formatLongDouble, parseLongDouble } from "../memory/long-double.ts";
import { ValueType } from "../values/value-type.ts";
import { isInt64, parseInt64, rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { openForRead } from "./collection-keys.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { readHashWithoutDue, storeHash, writeHash } from "./hash-access.ts";
import { cursorArgument, matches, scanOptions } from "./key-scan.ts";
import { drawDistinct } from "./random-draw.ts";

export const hashExtraCommands = defineCommands([
  {
    name: "hincrby",
    arity: 4,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "hash",
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Adds to the integer in a field.",
    syntax: "key field increment",
    run: hincrby,
  },
  {
    name: "hincrbyfloat",
    arity: 4,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "hash",
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Adds to the floating-point number in a field.",
    syntax: "key field increment:double",
    run: hincrbyfloat,
  },
  {
    name: "hrandfield",
    arity: -2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "hash",
    tips: ["nondeterministic_output"],
    since: "6.2.0",
    complexity: "O(N) in the number of fields given",
    summary: "Gives random fields.",
    syntax: "key [count [WITHVALUES]]",
    run: hrandfield,
  },
  {
    name: "hscan",
    arity: -3,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "hash",
    tips: ["nondeterministic_output"],
    since: "2.8.0",
    complexity: "O(1) a call, O(N) for a whole iteration",
    summary: "Iterates over the fields of a hash, a few at a time.",
    syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
    run: hscan,
  },
]);

/** The text of a field, undefined if the field is missing. */
function fieldText(call: Call, exists: boolean): string | undefined {
  const { hash, span } = call.server.collections;
  if (!exists || !hash.get(call.buffer, call.offset[2] as number, call.length[2] as number, span)) return undefined;
  return span.buffer.toString("latin1", span.offset, span.offset + span.length);
}

/** The field keeps its expiry time, if it has one. */
function setFieldText(call: Call, record: number, text: string, event: string): void {
  const { hash } = call.server.collections;
  const bytes = Buffer.from(text, "latin1");
  if (record === 0) hash.create();
  hash.set(call.buffer, call.offset[2] as number, call.length[2] as number, bytes, 0, bytes.length, true);
  storeHash(call, record, event);
}

function hincrby(call: Call): void {
  const increment = parseInt64(call.buffer, call.offset[3] as number, call.length[3] as number);
  if (increment === undefined) throw new CommandError(ERRORS.notInteger);
  const record = writeHash(call, 2, 2);
  const text = Buffer.from(fieldText(call, record !== 0) ?? "0", "latin1");
  const current = parseInt64(text, 0, text.length);
  if (current === undefined) throw new CommandError(ERRORS.hashValueNotInteger);
  const sum = current + increment;
  if (!isInt64(sum)) throw new CommandError(ERRORS.incrementOverflow);
  setFieldText(call, record, sum.toString(), "hincrby");
  call.reply.integerText(sum.toString());
}

function hincrbyfloat(call: Call): void {
  const { hash } = call.server.collections;
  const increment = parseLongDouble(call.text(3));
  if (increment === undefined) throw new CommandError(ERRORS.notFloat);
  if (increment.mantissa === undefined) throw new CommandError(ERRORS.notFinite);
  const record = writeHash(call, 2, 2);
  const current = parseLongDouble(fieldText(call, record !== 0) ?? "0");
  if (current === undefined) throw new CommandError(ERRORS.hashValueNotFloat);
  const sum = addLongDouble(current, increment);
  if (sum === undefined) throw new CommandError(ERRORS.incrementNotANumber);
  const text = formatLongDouble(sum);
  setFieldText(call, record, text, "hincrbyfloat");
  call.reply.bulkString(text);
  // As a HSET, so that a replica with other floating-point arithmetic cannot drift; that takes an expiry time off.
  call.propagateInstead("HSET", call.copy(1), call.copy(2), text);
  const at = hash.expireAtOf(call.buffer, call.offset[2] as number, call.length[2] as number) ?? 0;
  if (at !== 0) call.propagateInstead("HPEXPIREAT", call.copy(1), at, "FIELDS", 1, call.copy(2));
}

function hrandfield(call: Call): void {
  const { hash, random, span, secondSpan } = call.server.collections;
  if (call.argc === 2) {
    if (!readHashWithoutDue(call)) call.reply.nil();
    else if (hash.visibleCount !== hash.count) replyVisibleFields(call, 1, false, true);
    else {
      hash.random(random, span, secondSpan);
      call.reply.bulk(span.buffer, span.offset, span.length);
    }
    return;
  }
  const count = rangedArgument(call, 2, -LARGEST);
  const withValues = call.argc === 4 && call.is(3, "withvalues");
  if (call.argc > 4 || (call.argc === 4 && !withValues)) throw new CommandError(ERRORS.syntax);
  if (withValues && Math.abs(count) > LARGEST / 2) throw new CommandError(ERRORS.outOfRange);
  if (!readHashWithoutDue(call) || count === 0) call.reply.array(0);
  else if (hash.visibleCount !== hash.count) replyVisibleFields(call, count, withValues, false);
  else replyFields(call, count, withValues);
}

function replyFields(call: Call, count: number, withValues: boolean): void {
  const { hash } = call.server.collections;
  const replyCount = count < 0 ? -count : Math.min(count, hash.count);
  beginFields(call, replyCount, withValues);
  if (count < 0) replyRandomFields(call, replyCount, withValues);
  else if (count >= hash.count) {
    hash.forEach((field, value) => {
      replyField(call, field, withValues ? value : undefined);
    });
  } else replyDistinctFields(call, count, withValues);
}

function beginFields(call: Call, count: number, withValues: boolean): void {
  call.reply.array(withValues && !call.reply.resp3 ? count * 2 : count);
}

/** On a replica fields that have expired may still be there: the draw is among a copy of the others. */
function replyVisibleFields(call: Call, count: number, withValues: boolean, isSingle: boolean): void {
  const { hash, random } = call.server.collections;
  const pairs: [Bytes, Bytes][] = [];
  hash.forEach((field, value) => {
    pairs.push([bytesOf(field.toBuffer()), bytesOf(value.toBuffer())]);
  });
  if (pairs.length === 0) {
    if (isSingle) call.reply.nil();
    else call.reply.array(0);
    return;
  }
  const replyCount = count < 0 ? -count : Math.min(count, pairs.length);
  if (!isSingle) beginFields(call, replyCount, withValues);
  for (let k = 0; k < replyCount; k++) {
    const place = count < 0 ? random.below(pairs.length) : k + random.below(pairs.length - k);
    const pair = pairs[place] as [Bytes, Bytes];
    if (count > 0) [pairs[place], pairs[k]] = [pairs[k] as [Bytes, Bytes], pair];
    replyField(call, pair[0], withValues ? pair[1] : undefined);
  }
}

function bytesOf(buffer: Buffer): Bytes {
  return { buffer, offset: 0, length: buffer.length };
}

const LARGEST = 2 ** 63 - 1;

interface Bytes {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly length: number;
}

function replyField(call: Call, field: Bytes, value: Bytes | undefined): void {
  const { reply } = call;
  if (value !== undefined && reply.resp3) reply.array(2);
  reply.bulk(field.buffer, field.offset, field.length);
  if (value !== undefined) reply.bulk(value.buffer, value.offset, value.length);
}

function replyRandomFields(call: Call, count: number, withValues: boolean): void {
  const { hash, random, span, secondSpan } = call.server.collections;
  for (; count > 0; count--) {
    hash.random(random, span, secondSpan);
    replyField(call, span, withValues ? secondSpan : undefined);
  }
}

function replyDistinctFields(call: Call, count: number, withValues: boolean): void {
  const { hash, random, span, secondSpan } = call.server.collections;
  const fields = drawDistinct(random, count, hash.count, {
    draw: () => {
      hash.random(random, span, secondSpan);
      return span.toBuffer();
    },
    all: (add) =>
      hash.forEach((field) => {
        add(field.toBuffer());
      }),
  });
  for (const field of fields) {
    hash.get(field, 0, field.length, secondSpan);
    replyField(call, { buffer: field, offset: 0, length: field.length }, withValues ? secondSpan : undefined);
  }
}

function hscan(call: Call): void {
  const cursor = cursorArgument(call, 2);
  const { hash } = call.server.collections;
  const { reply } = call;
  const exists = openForRead(call, 1, ValueType.hash, hash);
  const found: Buffer[] = [];
  let next = 0;
  let noValues = false;
  if (exists) {
    const options = scanOptions(call, 3, ["novalues"]);
    noValues = options.noValues;
    next = hash.scan(cursor, options.count, (field, value) => {
      if (!matches(options.pattern, field.buffer, field.offset, field.length)) return;
      found.push(field.toBuffer());
      if (!noValues) found.push(value.toBuffer());
    });
  }
  reply.array(2);
  reply.bulkString(String(next));
  reply.array(found.length);
  for (const item of found) reply.bulkBuffer(item);
}
