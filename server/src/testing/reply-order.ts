/** Makes replies comparable whose elements come in no particular order. */

import type { Normaliser } from "./differential.ts";
import { frameEnd } from "./reply-frame.ts";

const CR = 13;
const DOLLAR = 36;
const MINUS = 45;
const PAIRED = 2;
/** An array of two, of which the first is the cursor 0. */
const SCAN_HEADER = "*2\r\n$1\r\n0\r\n";

/** The reply with its elements (or pairs of elements) sorted by their bytes; other replies as they are. */
export function sorted(reply: Buffer, group: number): Buffer {
  const headerEnd = reply.indexOf(CR) + 2;
  const type = String.fromCharCode(reply[0] as number);
  if (!"*~%".includes(type)) return reply;
  const parts: Buffer[] = [];
  for (let position = headerEnd; position < reply.length; ) {
    let end = position;
    for (let k = 0; k < group && end < reply.length; k++) end = frameEnd(reply, end);
    parts.push(reply.subarray(position, end));
    position = end;
  }
  return Buffer.concat([reply.subarray(0, headerEnd), ...parts.sort(Buffer.compare)]);
}

/** A whole iteration in one reply of a SCAN command: the pairs sorted. */
function sortedScan(reply: Buffer): Buffer {
  if (!reply.toString("latin1", 0, SCAN_HEADER.length).startsWith(SCAN_HEADER)) return reply;
  return sorted(reply.subarray(SCAN_HEADER.length), PAIRED);
}

/** Only what kind of reply it is and how many elements it has; of a string only that there is one. */
export function headerOnly(reply: Buffer): Buffer {
  const isString = reply[0] === DOLLAR && reply[1] !== MINUS;
  return reply.subarray(0, isString ? 1 : reply.indexOf(CR));
}

const UNORDERED = ["smembers", "sinter", "sunion", "sdiff", "hkeys", "hvals"];
const UNORDERED_PAIRS = ["hgetall"];
const RANDOM = ["srandmember", "hrandfield", "zrandmember", "spop"];

export const ORDER_NORMALISERS: readonly Normaliser[] = [
  ...UNORDERED.map((command) => ({
    command,
    reason: "the order of members and fields is that of a hash table",
    normalise: (reply: Buffer) => sorted(reply, 1),
  })),
  ...UNORDERED_PAIRS.map((command) => ({
    command,
    reason: "the order of fields is that of a hash table",
    normalise: (reply: Buffer) => sorted(reply, PAIRED),
  })),
  { command: "zscan", reason: "the order of members is that of a hash table", normalise: sortedScan },
  ...RANDOM.map((command) => ({
    command,
    reason: "which elements come is random",
    normalise: (reply: Buffer) => headerOnly(reply),
  })),
];
