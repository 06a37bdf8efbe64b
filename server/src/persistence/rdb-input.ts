/**
 * The bytes of an RDB file as they arrive, and how to take lengths and strings from them. Whoever reads marks a place; a
 * read that runs out of bytes throws UNDERFLOW, and the reader goes back to the mark when more have come. So the format
 * is read by plain straight-line code, from a file and from a socket alike, and only what lies behind the mark is held.
 *
 * A checksum over all bytes before the mark is kept.
 */

import type { ByteSpan } from "../memory/byte-span.ts";
import type { Int64 } from "../memory/int64.ts";
import { Crc64 } from "./crc64.ts";
import { decompressLzf, mostDecompressed } from "./lzf.ts";
import { Length, StringEncoding } from "./rdb-format.ts";

/** Thrown where more bytes are needed: no error, so it carries no stack. */
export const UNDERFLOW = Symbol("more bytes are needed");

/** The file says something that cannot be, or that we cannot keep. */
export class RdbError extends Error {
  override name = "RdbError";
  readonly reason: string;
  readonly offset: number;

  constructor(reason: string, offset: number) {
    super(`${reason} at offset ${offset}`);
    this.reason = reason;
    this.offset = offset;
  }
}

/** Longer strings than Redis ever writes mean damage, not data. */
const MAX_STRING_BYTES = 1 << 30;
const INITIAL_BYTES = 64 << 10;
/** What a large payload needed is given back after it. */
const MOST_KEPT_BYTES = 1 << 20;
const TWO_32 = 0x1_0000_0000;

/** Where a decompressed string is put; each string that lives at the same time as another needs its own. */
export interface Scratch {
  buffer: Buffer;
}

export class RdbInput {
  readonly #checksum = new Crc64();
  buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  position = 0;
  #end = 0;
  #mark = 0;
  /** The checksum covers what lies before: many marks at once, as it takes longer for a few bytes each. */
  #summed = 0;
  /** Bytes before buffer[0]. */
  #base = 0;
  #wanted = 0;

  /** Offset in the file of the byte to be read next. */
  get offset(): number {
    return this.#base + this.position;
  }

  get available(): number {
    return this.#end - this.position;
  }

  /** Whether enough has come since the last underflow to try again: a large string is not read anew for every packet. */
  get isWorthReading(): boolean {
    return this.#end - this.#mark >= this.#wanted;
  }

  push(bytes: Buffer, start: number, end: number): void {
    const count = end - start;
    if (this.#end + count > this.buffer.length) this.#makeRoom(count);
    bytes.copy(this.buffer, this.#end, start, end);
    this.#end += count;
  }

  /** Forgets all bytes, as before the first. */
  reset(): void {
    if (this.buffer.length > MOST_KEPT_BYTES) this.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.position = 0;
    this.#end = 0;
    this.#mark = 0;
    this.#summed = 0;
    this.#base = 0;
    this.#wanted = 0;
    this.#checksum.reset();
  }

  /** Everything up to here is done with. */
  mark(): void {
    this.#mark = this.position;
    this.#wanted = 0;
  }

  /** Of all bytes before the mark. */
  get checksum(): Crc64 {
    this.#checksum.update(this.buffer, this.#summed, this.#mark);
    this.#summed = this.#mark;
    return this.#checksum;
  }

  /** After UNDERFLOW: reading starts again at the mark. */
  rewind(): void {
    this.position = this.#mark;
  }

  error(reason: string): RdbError {
    return new RdbError(reason, this.offset);
  }

  fail(reason: string): never {
    throw this.error(reason);
  }

  need(count: number): void {
    if (this.position + count <= this.#end) return;
    this.#wanted = this.position + count - this.#mark;
    throw UNDERFLOW;
  }

  byte(): number {
    this.need(1);
    return this.buffer[this.position++] as number;
  }

  skip(count: number): void {
    this.need(count);
    this.position += count;
  }

  /** Eight bytes, least significant first, as a number: exact below 2^53, as times are. */
  int64(): number {
    this.need(8);
    const low = this.buffer.readUInt32LE(this.position);
    const high = this.buffer.readInt32LE(this.position + 4);
    this.position += 8;
    return high * TWO_32 + low;
  }

  double(): number {
    this.need(8);
    const value = this.buffer.readDoubleLE(this.position);
    this.position += 8;
    return value;
  }

  length(): number {
    const first = this.byte();
    switch (first >>> 6) {
      case Length.six:
        return first & 63;
      case Length.fourteen:
        return ((first & 63) << 8) | this.byte();
      case Length.encoded:
        return this.fail("Expected a length, found an encoded string");
      default:
        return this.#longLength(first);
    }
  }

  /** A length of 64 bits, into two halves. */
  length64(integer: Int64): void {
    this.need(1);
    if (this.buffer[this.position] !== Length.long) {
      const value = this.length();
      integer.high = 0;
      integer.low = value | 0;
      return;
    }
    this.need(9);
    integer.high = this.buffer.readInt32BE(this.position + 1);
    integer.low = this.buffer.readInt32BE(this.position + 5);
    this.position += 9;
  }

  #longLength(first: number): number {
    if (first === Length.word) {
      this.need(4);
      this.position += 4;
      return this.buffer.readUInt32BE(this.position - 4);
    }
    if (first !== Length.long) this.fail(`Unknown form of length ${first}`);
    this.need(8);
    const value = this.buffer.readUInt32BE(this.position) * TWO_32 + this.buffer.readUInt32BE(this.position + 4);
    this.position += 8;
    if (value > Number.MAX_SAFE_INTEGER) this.fail("A length beyond all reason");
    return value;
  }

  /** Reads a string into the span: in place, as digits, or decompressed into the scratch memory. */
  string(span: ByteSpan, scratch: Scratch): void {
    this.need(1);
    const first = this.buffer[this.position] as number;
    if (first >>> 6 === Length.encoded) {
      this.position++;
      this.#encodedString(first & 63, span, scratch);
      return;
    }
    const length = this.#stringLength();
    this.need(length);
    span.set(this.buffer, this.position, length);
    this.position += length;
  }

  /** A short string for people: names and values of aux fields. */
  text(span: ByteSpan, scratch: Scratch): string {
    this.string(span, scratch);
    return span.buffer.toString("latin1", span.offset, span.offset + span.length);
  }

  #encodedString(encoding: number, span: ByteSpan, scratch: Scratch): void {
    const bytes = this.buffer;
    if (encoding === StringEncoding.lzf) {
      this.#compressedString(span, scratch);
    } else if (encoding === StringEncoding.int8) {
      const value = (this.byte() << 24) >> 24;
      span.setInteger(value >> 31, value);
    } else if (encoding === StringEncoding.int16) {
      this.need(2);
      const value = bytes.readInt16LE(this.position);
      this.position += 2;
      span.setInteger(value >> 31, value);
    } else if (encoding === StringEncoding.int32) {
      this.need(4);
      const value = bytes.readInt32LE(this.position);
      this.position += 4;
      span.setInteger(value >> 31, value);
    } else {
      this.fail(`Unknown encoding of a string ${encoding}`);
    }
  }

  #compressedString(span: ByteSpan, scratch: Scratch): void {
    const compressed = this.#stringLength();
    const length = this.#stringLength();
    if (length > mostDecompressed(compressed)) this.fail("A compressed string cannot be as long as it says");
    this.need(compressed);
    if (scratch.buffer.length < length) scratch.buffer = Buffer.allocUnsafeSlow(Math.max(length, 256));
    if (!decompressLzf(this.buffer, this.position, compressed, scratch.buffer, length)) {
      this.fail("Damaged compressed string");
    }
    this.position += compressed;
    span.set(scratch.buffer, 0, length);
  }

  #stringLength(): number {
    const length = this.length();
    if (length > MAX_STRING_BYTES) this.fail(`A string of ${length} bytes`);
    return length;
  }

  #makeRoom(count: number): void {
    const held = this.#end - this.#mark;
    this.#checksum.update(this.buffer, this.#summed, this.#mark);
    this.#summed = 0;
    let target = this.buffer;
    if (held + count > target.length) target = Buffer.allocUnsafeSlow(Math.max(held + count, target.length * 2));
    this.buffer.copy(target, 0, this.#mark, this.#end);
    this.buffer = target;
    this.#base += this.#mark;
    this.position -= this.#mark;
    this.#end = held;
    this.#mark = 0;
  }
}
