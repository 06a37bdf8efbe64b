/** Integers as decimal text, written in place: two digits at a time from a table, from the last one on. */

const PAIRS = Buffer.from(Array.from({ length: 100 }, (_, value) => String(value).padStart(2, "0")).join(""), "latin1");
const LIMIT_32 = 0x1_0000_0000;
const TAIL_DIGITS = 8;
const TAIL_LIMIT = 1e8;

/** Characters of the decimal form of a safe integer. */
export function decimalLength(value: number): number {
  if (value < 0) return 1 + decimalLength(-value);
  if (value >= LIMIT_32) return TAIL_DIGITS + decimalLength(Math.floor(value / TAIL_LIMIT));
  if (value < 1e5) return value < 10 ? 1 : value < 100 ? 2 : value < 1000 ? 3 : value < 1e4 ? 4 : 5;
  return value < 1e6 ? 6 : value < 1e7 ? 7 : value < 1e8 ? 8 : value < 1e9 ? 9 : 10;
}

/** Writes the decimal form of a safe integer at `position`; returns the position after it. */
export function writeDecimal(value: number, out: Buffer, position: number): number {
  if (value < 0) {
    out[position++] = 45;
    value = -value;
  }
  if (value < 10) {
    out[position] = 48 + value;
    return position + 1;
  }
  const end = position + decimalLength(value);
  let at = end;
  while (value >= LIMIT_32) {
    const quotient = Math.floor(value / TAIL_LIMIT);
    writePairs((value - quotient * TAIL_LIMIT) >>> 0, out, at, at - TAIL_DIGITS);
    at -= TAIL_DIGITS;
    value = quotient;
  }
  writePairs(value >>> 0, out, at, position);
  return end;
}

/** Fills `out[start .. end)` with the digits of a number that has as many, or fewer behind zeros. */
function writePairs(value: number, out: Buffer, end: number, start: number): void {
  let at = end;
  while (at - start > 1) {
    const quotient = (value / 100) >>> 0;
    const pair = (value - quotient * 100) << 1;
    at -= 2;
    out[at] = PAIRS[pair] as number;
    out[at + 1] = PAIRS[pair + 1] as number;
    value = quotient;
  }
  if (at > start) out[start] = 48 + value;
}
