/**
 * An id of a stream entry: two unsigned 64-bit numbers, milliseconds and a sequence number, held as four 32-bit halves
 * (each an int32) in a reusable register, so that no bit is lost and nothing is allocated. Ids in the arena are four
 * words in the same order: ms high, ms low, sequence high, sequence low.
 */

import { writeDecimal } from "@kvcluster/protocol/decimal";

const TWO_TO_32 = 4294967296;
const SAFE_HIGH = 0x200000;
export const ID_WORDS = 4;
/** Two numbers of 20 digits and the dash. */
export const LONGEST_ID = 41;

export class StreamId {
  msHigh = 0;
  msLow = 0;
  seqHigh = 0;
  seqLow = 0;

  set(msHigh: number, msLow: number, seqHigh: number, seqLow: number): this {
    this.msHigh = msHigh | 0;
    this.msLow = msLow | 0;
    this.seqHigh = seqHigh | 0;
    this.seqLow = seqLow | 0;
    return this;
  }

  copy(other: StreamId): this {
    this.msHigh = other.msHigh;
    this.msLow = other.msLow;
    this.seqHigh = other.seqHigh;
    this.seqLow = other.seqLow;
    return this;
  }

  /** The first id of a millisecond. */
  setTime(ms: number): this {
    return this.set(Math.floor(ms / TWO_TO_32), ms, 0, 0);
  }

  setZero(): this {
    return this.set(0, 0, 0, 0);
  }

  setLargest(): this {
    return this.set(-1, -1, -1, -1);
  }

  get isZero(): boolean {
    return (this.msHigh | this.msLow | this.seqHigh | this.seqLow) === 0;
  }

  get isLargest(): boolean {
    return (this.msHigh & this.msLow & this.seqHigh & this.seqLow) === -1;
  }

  compare(other: StreamId): number {
    return this.compareParts(other.msHigh, other.msLow, other.seqHigh, other.seqLow);
  }

  /** Below zero: this id comes first. */
  compareParts(msHigh: number, msLow: number, seqHigh: number, seqLow: number): number {
    if (this.msHigh !== msHigh) return this.msHigh >>> 0 < msHigh >>> 0 ? -1 : 1;
    if (this.msLow !== msLow) return this.msLow >>> 0 < msLow >>> 0 ? -1 : 1;
    if (this.seqHigh !== seqHigh) return this.seqHigh >>> 0 < seqHigh >>> 0 ? -1 : 1;
    if (this.seqLow !== seqLow) return this.seqLow >>> 0 < seqLow >>> 0 ? -1 : 1;
    return 0;
  }

  compareWords(words: Int32Array, at: number): number {
    return this.compareParts(
      words[at] as number,
      words[at + 1] as number,
      words[at + 2] as number,
      words[at + 3] as number,
    );
  }

  readWords(words: Int32Array, at: number): this {
    this.msHigh = words[at] as number;
    this.msLow = words[at + 1] as number;
    this.seqHigh = words[at + 2] as number;
    this.seqLow = words[at + 3] as number;
    return this;
  }

  writeWords(words: Int32Array, at: number): void {
    words[at] = this.msHigh;
    words[at + 1] = this.msLow;
    words[at + 2] = this.seqHigh;
    words[at + 3] = this.seqLow;
  }

  /** Sixteen bytes, most significant first: how a file holds an id. */
  readBytes(bytes: Buffer, offset: number): this {
    return this.set(
      bytes.readInt32BE(offset),
      bytes.readInt32BE(offset + 4),
      bytes.readInt32BE(offset + 8),
      bytes.readInt32BE(offset + 12),
    );
  }

  writeBytes(bytes: Buffer, offset: number): void {
    bytes.writeInt32BE(this.msHigh, offset);
    bytes.writeInt32BE(this.msLow, offset + 4);
    bytes.writeInt32BE(this.seqHigh, offset + 8);
    bytes.writeInt32BE(this.seqLow, offset + 12);
  }

  /** Adds a difference of two ids, half by half, as a packed entry holds it: both parts wrap. */
  add(msHigh: number, msLow: number, seqHigh: number, seqLow: number): this {
    const ms = (this.msLow >>> 0) + (msLow >>> 0);
    this.msHigh = (this.msHigh + msHigh + (ms >= TWO_TO_32 ? 1 : 0)) | 0;
    this.msLow = ms | 0;
    const seq = (this.seqLow >>> 0) + (seqLow >>> 0);
    this.seqHigh = (this.seqHigh + seqHigh + (seq >= TWO_TO_32 ? 1 : 0)) | 0;
    this.seqLow = seq | 0;
    return this;
  }

  /** The next id; false if there is none (the register then holds 0-0). */
  increment(): boolean {
    this.seqLow = (this.seqLow + 1) | 0;
    if (this.seqLow !== 0) return true;
    this.seqHigh = (this.seqHigh + 1) | 0;
    if (this.seqHigh !== 0) return true;
    this.msLow = (this.msLow + 1) | 0;
    if (this.msLow !== 0) return true;
    this.msHigh = (this.msHigh + 1) | 0;
    return this.msHigh !== 0;
  }

  /** The id before; false if there is none (the register then holds the largest). */
  decrement(): boolean {
    this.seqLow = (this.seqLow - 1) | 0;
    if (this.seqLow !== -1) return true;
    this.seqHigh = (this.seqHigh - 1) | 0;
    if (this.seqHigh !== -1) return true;
    this.msLow = (this.msLow - 1) | 0;
    if (this.msLow !== -1) return true;
    this.msHigh = (this.msHigh - 1) | 0;
    return this.msHigh !== -1;
  }

  /** Prints `ms-seq` and returns the position after it. */
  write(out: Buffer, position: number): number {
    const dash = writeUnsigned64(this.msHigh, this.msLow, out, position);
    out[dash] = 45;
    return writeUnsigned64(this.seqHigh, this.seqLow, out, dash + 1);
  }

  toString(): string {
    const text = Buffer.alloc(LONGEST_ID);
    return text.toString("latin1", 0, this.write(text, 0));
  }
}

export function writeUnsigned64(high: number, low: number, out: Buffer, position: number): number {
  const upper = high >>> 0;
  if (upper < SAFE_HIGH) return writeDecimal(upper * TWO_TO_32 + (low >>> 0), out, position);
  const value = (BigInt(upper) << 32n) | BigInt(low >>> 0);
  return position + out.write(value.toString(), position, "latin1");
}
