/**
 * Signed 64-bit integers as two 32-bit halves in a reusable register, and their canonical decimal text.
 * A text counts as an integer only if printing the integer gives the same bytes back: no plus, no leading zero, no "-0",
 * nothing beyond 64 bits. That is what lets packed structures keep the binary form instead of the text.
 * Up to 15 digits all arithmetic is on exact doubles; BigInt serves the rest.
 */

import { writeDecimal } from "@kvcluster/protocol/decimal";

const TWO_TO_32 = 4294967296;
const MINUS = 45;
const ZERO = 48;
const LONGEST_EXACT = 15;
const LONGEST_TEXT = 20;
const INT64_MAX = 9223372036854775807n;
const INT64_MIN = -9223372036854775808n;

export class Int64 {
  /** Upper half, signed. */
  high = 0;
  /** Lower half, its 32 bits read as signed. */
  low = 0;

  /** True if the text is a canonical integer, which then is in the register. */
  parse(bytes: Buffer, offset: number, length: number): boolean {
    if (length === 0 || length > LONGEST_TEXT) return false;
    let at = offset;
    const end = offset + length;
    const negative = bytes[at] === MINUS;
    if (negative && ++at === end) return false;
    const first = bytes[at] as number;
    if (first === ZERO) {
      this.high = 0;
      this.low = 0;
      return length === 1;
    }
    if (first < ZERO || first > 57) return false;
    if (end - at > LONGEST_EXACT) return this.#parseLong(bytes, offset, end, at);
    let value = 0;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) return false;
      value = value * 10 + digit;
    }
    this.setNumber(negative ? -value : value);
    return true;
  }

  #parseLong(bytes: Buffer, offset: number, end: number, digits: number): boolean {
    for (let k = digits; k < end; k++) {
      const digit = (bytes[k] as number) - ZERO;
      if (digit < 0 || digit > 9) return false;
    }
    const value = BigInt(bytes.toString("latin1", offset, end));
    if (value > INT64_MAX || value < INT64_MIN) return false;
    this.setBigInt(value);
    return true;
  }

  /** The integer must be exact as a double (up to 2^53). */
  setNumber(value: number): void {
    this.low = value | 0;
    this.high = Math.floor(value / TWO_TO_32) | 0;
  }

  setBigInt(value: bigint): void {
    this.low = Number(BigInt.asIntN(32, value));
    this.high = Number(BigInt.asIntN(32, value >> 32n));
  }

  get fitsInt32(): boolean {
    return this.high === this.low >> 31;
  }

  /** True if the double returned by toNumber is exact. */
  get isSafe(): boolean {
    return this.high >= -0x200000 && this.high < 0x200000;
  }

  toNumber(): number {
    return this.high * TWO_TO_32 + (this.low >>> 0);
  }

  toBigInt(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low >>> 0);
  }

  compare(high: number, low: number): number {
    if (this.high !== high) return this.high < high ? -1 : 1;
    const mine = this.low >>> 0;
    const other = low >>> 0;
    return mine === other ? 0 : mine < other ? -1 : 1;
  }

  /** Prints the decimal text at the position and returns the position after it. */
  write(out: Buffer, position: number): number {
    if (this.isSafe) return writeDecimal(this.toNumber(), out, position);
    return position + out.write(this.toBigInt().toString(), position, "latin1");
  }
}

/** The canonical integer as a number where that is exact, else as a bigint; undefined if the text is not canonical. */
export function parseInteger(bytes: Buffer, offset: number, length: number): number | bigint | undefined {
  const register = new Int64();
  if (!register.parse(bytes, offset, length)) return undefined;
  return register.isSafe ? register.toNumber() : register.toBigInt();
}
