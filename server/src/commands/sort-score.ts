/** Elements of SORT as numbers, read as C's strtod reads them. */

import { parseDouble } from "../memory/double-parse.ts";
import { smallInteger } from "./arguments.ts";

const SMALLEST_NORMAL = 2 ** -1022;
const SPACE = 32;
const TAB = 9;
const CARRIAGE_RETURN = 13;

/** NaN if the bytes are no number. The text ends at a zero byte; an empty one is 0; white space may precede a number. */
export function sortScore(bytes: Buffer, offset: number, length: number): number {
  const small = smallInteger(bytes, offset, length);
  if (!Number.isNaN(small)) return small;
  const zero = bytes.subarray(offset, offset + length).indexOf(0);
  const end = offset + (zero < 0 ? length : zero);
  if (end === offset) return 0;
  let start = offset;
  while (start < end && isSpace(bytes[start] as number)) start++;
  const score = parseDouble(bytes, start, end - start);
  // C reports a loss for these, except where they are written in hexadecimal.
  const isDenormal = score !== 0 && Math.abs(score) < SMALLEST_NORMAL;
  return isDenormal && !bytes.toString("latin1", start, end).includes("x") ? Number.NaN : score;
}

function isSpace(byte: number): boolean {
  return byte === SPACE || (byte >= TAB && byte <= CARRIAGE_RETURN);
}
