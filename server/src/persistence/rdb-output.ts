/**
 * Writes the primitives of the RDB format into one chunk after another. A full chunk is handed to the sink, which gives
 * an empty one in exchange, so memory is bounded by what the sink holds. Strings are written as Redis does: short
 * integers in binary, long ones compressed where that saves something.
 */

import { LzfCompressor } from "./lzf.ts";
import { Length, StringEncoding } from "./rdb-format.ts";

export const CHUNK_BYTES = 256 << 10;
/** What a header, a length or a number needs at most. */
const SMALL_ROOM = 32;
const LONGEST_INTEGER_TEXT = 11;
const SHORTEST_COMPRESSED = 21;
/** Compressing what is longer is felt, and cannot be done in pieces: the format wants the length of the result first. */
export const LONGEST_COMPRESSED = 1 << 20;
const COMPRESSION_GAIN = 4;
const COPY_LOOP_BYTES = 48;
const TWO_32 = 0x1_0000_0000;
const MINUS = 45;
const ZERO = 48;

/** A chunk with memory of its own, so that it can be given to another thread. */
export function createChunk(): Buffer {
  return Buffer.from(new ArrayBuffer(CHUNK_BYTES));
}

export interface ChunkSink {
  /** Takes `chunk[0..length)` and gives an empty chunk of CHUNK_BYTES. */
  exchange(chunk: Buffer, length: number): Buffer;
}

export class RdbOutput {
  readonly #sink: ChunkSink;
  readonly #compress: boolean;
  readonly #compressor = new LzfCompressor();
  #scratch = Buffer.allocUnsafeSlow(4096);
  #chunk: Buffer;
  #position = 0;
  #flushed = 0;

  constructor(sink: ChunkSink, options: { readonly compress: boolean }) {
    this.#sink = sink;
    this.#compress = options.compress;
    this.#chunk = createChunk();
  }

  /** Whether strings are compressed where that saves something. */
  get compresses(): boolean {
    return this.#compress;
  }

  /** Bytes written so far. */
  get sizeBytes(): number {
    return this.#flushed + this.#position;
  }

  /** Hands over what the current chunk holds. */
  flush(): void {
    if (this.#position === 0) return;
    this.#flushed += this.#position;
    this.#chunk = this.#sink.exchange(this.#chunk, this.#position);
    this.#position = 0;
  }

  /** Hands over a whole chunk that was filled elsewhere, behind what has been written; gives an empty one in exchange. */
  append(chunk: Buffer, length: number): Buffer {
    this.flush();
    this.#flushed += length;
    return this.#sink.exchange(chunk, length);
  }

  byte(value: number): void {
    this.#room(1);
    this.#chunk[this.#position++] = value;
  }

  /** Eight bytes, least significant first, of an integer below 2^53. */
  int64(value: number): void {
    this.#room(8);
    this.#chunk.writeInt32LE((value % TWO_32) | 0, this.#position);
    this.#chunk.writeInt32LE(Math.floor(value / TWO_32), this.#position + 4);
    this.#position += 8;
  }

  double(value: number): void {
    this.#room(8);
    this.#chunk.writeDoubleLE(value, this.#position);
    this.#position += 8;
  }

  length(value: number): void {
    this.#room(SMALL_ROOM);
    const chunk = this.#chunk;
    const at = this.#position;
    if (value < 64) {
      chunk[at] = value;
      this.#position = at + 1;
    } else if (value < 16384) {
      chunk[at] = 0x40 | (value >>> 8);
      chunk[at + 1] = value;
      this.#position = at + 2;
    } else if (value < TWO_32) {
      chunk[at] = Length.word;
      chunk.writeUInt32BE(value, at + 1);
      this.#position = at + 5;
    } else {
      chunk[at] = Length.long;
      chunk.writeUInt32BE(Math.floor(value / TWO_32), at + 1);
      chunk.writeUInt32BE(value % TWO_32, at + 5);
      this.#position = at + 9;
    }
  }

  /** A length of 64 bits in two halves. */
  length64(high: number, low: number): void {
    if (high === 0) {
      this.length(low >>> 0);
      return;
    }
    this.#room(SMALL_ROOM);
    this.#chunk[this.#position] = Length.long;
    this.#chunk.writeInt32BE(high, this.#position + 1);
    this.#chunk.writeInt32BE(low, this.#position + 5);
    this.#position += 9;
  }

  text(value: string): void {
    const bytes = Buffer.from(value, "latin1");
    this.string(bytes, 0, bytes.length);
  }

  /** A string in its shortest form. */
  string(bytes: Buffer, offset: number, length: number): void {
    if (length <= LONGEST_INTEGER_TEXT && this.#integer(bytes, offset, length)) return;
    const isCompressible = this.#compress && length >= SHORTEST_COMPRESSED && length <= LONGEST_COMPRESSED;
    if (isCompressible && this.#compressed(bytes, offset, length)) return;
    this.length(length);
    this.raw(bytes, offset, length);
  }

  /** Bytes as they are, over as many chunks as it takes. */
  raw(bytes: Buffer, offset: number, length: number): void {
    const end = offset + length;
    let from = offset;
    while (from < end) {
      const free = CHUNK_BYTES - this.#position;
      if (free === 0) {
        this.flush();
        continue;
      }
      const count = Math.min(free, end - from);
      const chunk = this.#chunk;
      const at = this.#position;
      if (count > COPY_LOOP_BYTES) bytes.copy(chunk, at, from, from + count);
      else for (let k = 0; k < count; k++) chunk[at + k] = bytes[from + k] as number;
      this.#position += count;
      from += count;
    }
  }

  #room(count: number): void {
    if (this.#position + count > CHUNK_BYTES) this.flush();
  }

  /** Writes the text of a 32-bit integer, as one would print it, in binary; false if it is none. */
  #integer(bytes: Buffer, offset: number, length: number): boolean {
    const value = canonicalInteger(bytes, offset, length);
    if (value === undefined) return false;
    this.#room(SMALL_ROOM);
    const chunk = this.#chunk;
    const at = this.#position;
    const kind = Length.encoded << 6;
    if (value >= -128 && value <= 127) {
      chunk[at] = kind | StringEncoding.int8;
      chunk[at + 1] = value;
      this.#position = at + 2;
    } else if (value >= -32768 && value <= 32767) {
      chunk[at] = kind | StringEncoding.int16;
      chunk[at + 1] = value;
      chunk[at + 2] = value >> 8;
      this.#position = at + 3;
    } else {
      chunk[at] = kind | StringEncoding.int32;
      chunk.writeInt32LE(value, at + 1);
      this.#position = at + 5;
    }
    return true;
  }

  #compressed(bytes: Buffer, offset: number, length: number): boolean {
    const limit = length - COMPRESSION_GAIN;
    if (this.#scratch.length < limit) this.#scratch = Buffer.allocUnsafeSlow(limit);
    const size = this.#compressor.compress(bytes, offset, length, this.#scratch, 0, limit);
    if (size === 0) return false;
    this.byte((Length.encoded << 6) | StringEncoding.lzf);
    this.length(size);
    this.length(length);
    this.raw(this.#scratch, 0, size);
    return true;
  }
}

/** The 32-bit integer whose decimal text these bytes are, exactly. */
function canonicalInteger(bytes: Buffer, offset: number, length: number): number | undefined {
  if (length === 0) return undefined;
  const isNegative = bytes[offset] === MINUS;
  let at = isNegative ? offset + 1 : offset;
  const end = offset + length;
  const first = (bytes[at] as number) - ZERO;
  if (at === end || first < 0 || first > 9) return undefined;
  if (first === 0) return length === 1 ? 0 : undefined;
  let value = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  if (isNegative) value = -value;
  return value === (value | 0) ? value : undefined;
}
