/** LCS: what two strings have in common, as a string, as its length or as ranges. */

import type { Handle } from "../memory/arena-layout.ts";
import { type CommonRange, commonLength, commonSubsequence } from "../values/common-subsequence.ts";
import { ValueType } from "../values/value-type.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, keyRange } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

export const commonSubsequenceCommands = defineCommands([
  {
    name: "lcs",
    arity: -3,
    flags: ["readonly"],
    keys: keyRange(1, 1, 1, "RO", "access"),
    group: "string",
    since: "7.0.0",
    complexity: "O(N*M) in the lengths of the two strings",
    summary: "Finds the longest common subsequence of two strings.",
    syntax: "key1 key2@0 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    run: lcs,
  },
]);

/** What Redis' table takes for a cell, which its limit counts; ours is smaller. */
const CELL_BYTES = 4;

interface Options {
  isLength: boolean;
  isRanges: boolean;
  withLengths: boolean;
  shortest: number;
}

function lcs(call: Call): void {
  const { db, buffer, offset, length } = call;
  // Both are looked up before either is found to be no string.
  const first = db.lookupRead(buffer, offset[1] as number, length[1] as number);
  const second = db.lookupRead(buffer, offset[2] as number, length[2] as number);
  const left = stringOf(call, first);
  const right = stringOf(call, second);
  const options = parseOptions(call);
  if (options.isLength && options.isRanges) {
    throw new CommandError("ERR If you want both the length and indexes, please just use IDX.");
  }
  if ((left.length + 1) * (right.length + 1) * CELL_BYTES > call.server.maxBulkBytes) {
    throw new CommandError("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  if (options.isLength) call.reply.integer(commonLength(left, right));
  else if (options.isRanges) replyRanges(call, left, right, options);
  else call.reply.bulkBuffer(commonSubsequence(left, right).bytes);
}

/** The bytes of a string, where they lie; valid as long as nothing changes. */
function stringOf({ db }: Call, record: Handle): Buffer {
  if (record === 0) return Buffer.alloc(0);
  if (db.typeOf(record) !== ValueType.string) {
    throw new CommandError("ERR The specified keys must contain string values");
  }
  const start = db.valueOffset(record);
  return db.bytesOf(record).subarray(start, start + db.valueLength(record));
}

function parseOptions(call: Call): Options {
  const options: Options = { isLength: false, isRanges: false, withLengths: false, shortest: 0 };
  for (let i = 3; i < call.argc; i++) {
    if (call.is(i, "idx")) options.isRanges = true;
    else if (call.is(i, "len")) options.isLength = true;
    else if (call.is(i, "withmatchlen")) options.withLengths = true;
    else if (call.is(i, "minmatchlen") && i + 1 < call.argc) options.shortest = integerArgument(call, ++i);
    else throw new CommandError(ERRORS.syntax);
  }
  return options;
}

function replyRanges(call: Call, left: Buffer, right: Buffer, options: Options): void {
  const { reply } = call;
  const found = commonSubsequence(left, right);
  const ranges = found.ranges.filter((range) => lengthOf(range) >= options.shortest);
  reply.map(2);
  reply.bulkString("matches");
  reply.array(ranges.length);
  for (const range of ranges) {
    reply.array(options.withLengths ? 3 : 2);
    reply.array(2);
    reply.integer(range.leftStart);
    reply.integer(range.leftEnd);
    reply.array(2);
    reply.integer(range.rightStart);
    reply.integer(range.rightEnd);
    if (options.withLengths) reply.integer(lengthOf(range));
  }
  reply.bulkString("len");
  reply.integer(found.length);
}

function lengthOf(range: CommonRange): number {
  return range.leftEnd - range.leftStart + 1;
}
