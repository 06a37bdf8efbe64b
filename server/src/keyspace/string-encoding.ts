/**
 * The encoding that a string would have in Redis, as OBJECT ENCODING shows it: "int" for the exact text of a 64-bit integer,
 * "embstr" to 44 bytes, "raw" above. The bytes are stored as they are in all three.
 */

import { Encoding, ValueType } from "../values/value-type.ts";

const LONGEST_INT64 = 20;
const LONGEST_EMBEDDED = 44;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const SAFE_DIGITS = 18;
const LARGEST = "9223372036854775807";
const SMALLEST_DIGITS = "9223372036854775808";

const STRING = ValueType.string << 4;
export const RAW_STRING = STRING | Encoding.raw;
const EMBEDDED_STRING = STRING | Encoding.embstr;
export const INTEGER_STRING = STRING | Encoding.int;

/** Type and encoding of these bytes as a string value. */
export function stringTypeByte(buffer: Buffer, offset: number, length: number): number {
  if (length > LONGEST_EMBEDDED) return RAW_STRING;
  if (length <= LONGEST_INT64 && length > 0) {
    const first = buffer[offset] as number;
    if (first === MINUS || (first >= ZERO && first <= NINE)) {
      return isInteger(buffer, offset, length) ? INTEGER_STRING : EMBEDDED_STRING;
    }
  }
  return EMBEDDED_STRING;
}

/** Whether these are the digits that printing a 64-bit integer gives: no leading zeros, no "-0", no overflow. */
function isInteger(buffer: Buffer, offset: number, length: number): boolean {
  const isNegative = buffer[offset] === MINUS;
  const start = isNegative ? offset + 1 : offset;
  const end = offset + length;
  const digits = end - start;
  const first = buffer[start];
  if (digits === 0 || digits > LARGEST.length) return false;
  if (first === ZERO && (digits > 1 || isNegative)) return false;
  for (let at = start; at < end; at++) {
    const digit = buffer[at] as number;
    if (digit < ZERO || digit > NINE) return false;
  }
  if (digits <= SAFE_DIGITS) return true;
  return buffer.toString("latin1", start, end) <= (isNegative ? SMALLEST_DIGITS : LARGEST);
}
