/**
 * A span says where some bytes lie: buffer, offset, length. Readers of packed structures fill a span that the caller
 * owns, so handing out a member or a value allocates nothing. Integers, which packed structures keep in binary, are
 * printed into the span's own digits. A span is valid until the memory it points into changes or the span is reused.
 */

import { Int64 } from "./int64.ts";

const LONGEST_INT64 = 20;

export class ByteSpan {
  buffer: Buffer;
  offset = 0;
  length = 0;
  readonly #digits = Buffer.alloc(LONGEST_INT64);
  readonly #integer = new Int64();

  constructor() {
    this.buffer = this.#digits;
  }

  set(buffer: Buffer, offset: number, length: number): void {
    this.buffer = buffer;
    this.offset = offset;
    this.length = length;
  }

  /** Points the span at the decimal text of the integer with these two halves. */
  setInteger(high: number, low: number): void {
    this.#integer.high = high;
    this.#integer.low = low;
    this.buffer = this.#digits;
    this.offset = 0;
    this.length = this.#integer.write(this.#digits, 0);
  }

  equals(buffer: Buffer, offset: number, length: number): boolean {
    if (length !== this.length) return false;
    const mine = this.buffer;
    const start = this.offset;
    for (let k = length - 1; k >= 0; k--) if (mine[start + k] !== buffer[offset + k]) return false;
    return true;
  }

  /** Copies the bytes out: for tests and places that are not hot. */
  toBuffer(): Buffer {
    return Buffer.from(this.buffer.subarray(this.offset, this.offset + this.length));
  }
}
