/** Many byte strings one behind the other in one growing buffer, addressed by index: a million of them are three objects. */

import { compareBytes } from "./arena-bytes.ts";

const FIRST_BYTES = 1024;
const FIRST_ENTRIES = 64;

export class ByteColumn {
  bytes = Buffer.allocUnsafe(FIRST_BYTES);
  count = 0;
  #starts = new Float64Array(FIRST_ENTRIES);
  #lengths = new Int32Array(FIRST_ENTRIES);
  #used = 0;

  add(bytes: Buffer, offset: number, length: number): void {
    if (this.count === this.#lengths.length) this.#growEntries();
    if (this.#used + length > this.bytes.length) this.#growBytes(length);
    bytes.copy(this.bytes, this.#used, offset, offset + length);
    this.#starts[this.count] = this.#used;
    this.#lengths[this.count++] = length;
    this.#used += length;
  }

  start(index: number): number {
    return this.#starts[index] as number;
  }

  length(index: number): number {
    return this.#lengths[index] as number;
  }

  reverse(): void {
    this.#starts.subarray(0, this.count).reverse();
    this.#lengths.subarray(0, this.count).reverse();
  }

  /** Order as bytes, the shorter first where one begins the other. */
  compare(left: number, right: number): number {
    const { bytes } = this;
    return compareBytes(bytes, this.start(left), this.length(left), bytes, this.start(right), this.length(right));
  }

  /** Order as C strings, which end at their first zero byte. */
  compareText(left: number, right: number): number {
    const { bytes } = this;
    const shorter = Math.min(this.length(left), this.length(right));
    const a = this.start(left);
    const b = this.start(right);
    for (let k = 0; k < shorter; k++) {
      const difference = (bytes[a + k] as number) - (bytes[b + k] as number);
      if (difference !== 0) return difference;
      if (bytes[a + k] === 0) return 0;
    }
    return this.#endOf(left, shorter) - this.#endOf(right, shorter);
  }

  /** 0 if the text ends at this place, 1 if it goes on. */
  #endOf(index: number, at: number): number {
    return at < this.length(index) && this.bytes[this.start(index) + at] !== 0 ? 1 : 0;
  }

  #growEntries(): void {
    const starts = new Float64Array(this.count * 2);
    const lengths = new Int32Array(this.count * 2);
    starts.set(this.#starts);
    lengths.set(this.#lengths);
    this.#starts = starts;
    this.#lengths = lengths;
  }

  #growBytes(length: number): void {
    const bytes = Buffer.allocUnsafe(Math.max(this.#used + length, this.bytes.length * 2));
    this.bytes.copy(bytes, 0, 0, this.#used);
    this.bytes = bytes;
  }
}
