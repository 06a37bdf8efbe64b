/**
 * One entry of a listpack: how it is encoded, measured, compared and read. The format is Redis' own, byte for byte:
 * an encoding byte (with a small integer or a length in it), the payload, and the entry's length once more behind it,
 * seven bits a byte, so that one can walk backwards. Canonical integers are stored in binary at the smallest width.
 * An EncodedEntry is a reusable register: encode a value once, then search for it or write it anywhere.
 */

import { copyBytes } from "./arena-bytes.ts";
import type { ByteSpan } from "./byte-span.ts";
import { Int64 } from "./int64.ts";

export const LISTPACK_END = 0xff;

const SHORT_STRING = 0x80;
const INTEGER_13 = 0xc0;
const MEDIUM_STRING = 0xe0;
const LONG_STRING = 0xf0;
const INTEGER_16 = 0xf1;
const INTEGER_24 = 0xf2;
const INTEGER_32 = 0xf3;
const INTEGER_64 = 0xf4;
const SHORT_STRING_LIMIT = 64;
const MEDIUM_STRING_LIMIT = 4096;

/** Whole size of an entry (with its trailing length) by its first byte; 0 where more bytes decide. */
const SIZE_BY_FIRST_BYTE = Uint8Array.from({ length: 256 }, (_, first) => {
  if (first < SHORT_STRING) return 2;
  if (first < INTEGER_13) return 2 + (first & 0x3f);
  if (first < MEDIUM_STRING) return 3;
  return first === INTEGER_16 ? 4 : first === INTEGER_24 ? 5 : first === INTEGER_32 ? 6 : first === INTEGER_64 ? 10 : 0;
});

export class EncodedEntry {
  /** Size of encoding byte(s) and payload. */
  bodySize = 0;
  /** bodySize plus the trailing length. */
  size = 0;
  #header = Buffer.alloc(16);
  #headerLength = 0;
  #source: Buffer = this.#header;
  #sourceOffset = 0;
  #sourceLength = 0;
  readonly #integer = new Int64();

  /** The bytes must stay as they are until the entry has been written or searched for. */
  encode(bytes: Buffer, offset: number, length: number): void {
    if (this.#integer.parse(bytes, offset, length)) {
      this.#encodeInteger();
      return;
    }
    const header = this.#header;
    if (length < SHORT_STRING_LIMIT) {
      header[0] = SHORT_STRING | length;
      this.#headerLength = 1;
    } else if (length < MEDIUM_STRING_LIMIT) {
      header[0] = MEDIUM_STRING | (length >>> 8);
      header[1] = length;
      this.#headerLength = 2;
    } else {
      header[0] = LONG_STRING;
      header.writeUInt32LE(length, 1);
      this.#headerLength = 5;
    }
    this.#source = bytes;
    this.#sourceOffset = offset;
    this.#sourceLength = length;
    this.#measure();
  }

  encodeSpan(span: ByteSpan): void {
    this.encode(span.buffer, span.offset, span.length);
  }

  encodeInt64(high: number, low: number): void {
    this.#integer.high = high;
    this.#integer.low = low;
    this.#encodeInteger();
  }

  #encodeInteger(): void {
    const header = this.#header;
    const low = this.#integer.low;
    this.#sourceLength = 0;
    if (!this.#integer.fitsInt32) {
      header[0] = INTEGER_64;
      header.writeInt32LE(low, 1);
      header.writeInt32LE(this.#integer.high, 5);
      this.#headerLength = 9;
    } else if (low >= 0 && low <= 127) {
      header[0] = low;
      this.#headerLength = 1;
    } else if (low >= -4096 && low <= 4095) {
      header[0] = INTEGER_13 | ((low & 0x1fff) >>> 8);
      header[1] = low;
      this.#headerLength = 2;
    } else {
      const payload = low >= -32768 && low <= 32767 ? 2 : low >= -8388608 && low <= 8388607 ? 3 : 4;
      header[0] = INTEGER_16 + payload - 2;
      for (let k = 0; k < payload; k++) header[1 + k] = low >> (8 * k);
      this.#headerLength = 1 + payload;
    }
    this.#measure();
  }

  #measure(): void {
    this.bodySize = this.#headerLength + this.#sourceLength;
    this.size = this.bodySize + trailerSize(this.bodySize);
  }

  /** Writes the whole entry and returns the position after it. */
  write(bytes: Buffer, position: number): number {
    const header = this.#header;
    const headerLength = this.#headerLength;
    for (let k = 0; k < headerLength; k++) bytes[position + k] = header[k] as number;
    position += headerLength;
    const length = this.#sourceLength;
    if (length > 0) copyBytes(bytes, position, this.#source, this.#sourceOffset, length);
    return writeTrailer(bytes, position + length, this.bodySize);
  }

  /** True if the entry at the position holds this value: encodings are canonical, so equal values are equal bytes. */
  isAt(bytes: Buffer, position: number): boolean {
    const header = this.#header;
    const headerLength = this.#headerLength;
    for (let k = 0; k < headerLength; k++) if (bytes[position + k] !== header[k]) return false;
    const source = this.#source;
    const from = this.#sourceOffset;
    const payload = position + headerLength;
    for (let k = this.#sourceLength - 1; k >= 0; k--) if (bytes[payload + k] !== source[from + k]) return false;
    return true;
  }
}

/** Size of the encoding byte(s) and payload of the entry at the position. */
function bodySizeAt(bytes: Buffer, position: number): number {
  const first = bytes[position] as number;
  const known = SIZE_BY_FIRST_BYTE[first] as number;
  if (known !== 0) return known - 1;
  if (first < LONG_STRING) return 2 + (((first & 0x0f) << 8) | (bytes[position + 1] as number));
  return 5 + bytes.readUInt32LE(position + 1);
}

/** The position behind the entry at the position. */
export function nextEntry(bytes: Buffer, position: number): number {
  const known = SIZE_BY_FIRST_BYTE[bytes[position] as number] as number;
  if (known !== 0) return position + known;
  const body = bodySizeAt(bytes, position);
  return position + body + trailerSize(body);
}

/** The position of the entry that ends where this one starts. */
export function previousEntry(bytes: Buffer, position: number): number {
  let at = position - 1;
  let byte = bytes[at] as number;
  let body = byte & 127;
  for (let shift = 7; (byte & 128) !== 0; shift += 7) {
    byte = bytes[--at] as number;
    body |= (byte & 127) << shift;
  }
  return at - body;
}

/** Points the span at the value of the entry; integers are printed. */
export function readEntry(bytes: Buffer, position: number, span: ByteSpan): void {
  const first = bytes[position] as number;
  if (first < SHORT_STRING) span.setInteger(0, first);
  else if (first < INTEGER_13) span.set(bytes, position + 1, first & 0x3f);
  else if (first < MEDIUM_STRING) {
    const value = ((((first & 0x1f) << 8) | (bytes[position + 1] as number)) << 19) >> 19;
    span.setInteger(value >> 31, value);
  } else if (first < LONG_STRING)
    span.set(bytes, position + 2, ((first & 0x0f) << 8) | (bytes[position + 1] as number));
  else if (first === LONG_STRING) span.set(bytes, position + 5, bytes.readUInt32LE(position + 1));
  else if (first === INTEGER_64) span.setInteger(bytes.readInt32LE(position + 5), bytes.readInt32LE(position + 1));
  else {
    const value = readPayload(bytes, position + 1, first - INTEGER_16 + 2);
    span.setInteger(value >> 31, value);
  }
}

/** True if the entry is kept as an integer, which then is in the register. */
export function readIntegerEntry(bytes: Buffer, position: number, integer: Int64): boolean {
  const first = bytes[position] as number;
  if (first < SHORT_STRING) integer.low = first;
  else if (first >= INTEGER_13 && first < MEDIUM_STRING) {
    integer.low = ((((first & 0x1f) << 8) | (bytes[position + 1] as number)) << 19) >> 19;
  } else if (first > LONG_STRING && first < INTEGER_64) {
    integer.low = readPayload(bytes, position + 1, first - INTEGER_16 + 2);
  } else if (first === INTEGER_64) {
    integer.low = bytes.readInt32LE(position + 1);
    integer.high = bytes.readInt32LE(position + 5);
    return true;
  } else return false;
  integer.high = integer.low >> 31;
  return true;
}

function readPayload(bytes: Buffer, position: number, size: number): number {
  let value = 0;
  for (let k = 0; k < size; k++) value |= (bytes[position + k] as number) << (8 * k);
  const spare = 32 - 8 * size;
  return (value << spare) >> spare;
}

export function trailerSize(bodySize: number): number {
  if (bodySize < 128) return 1;
  return bodySize < 16383 ? 2 : bodySize < 2097151 ? 3 : bodySize < 268435455 ? 4 : 5;
}

function writeTrailer(bytes: Buffer, position: number, bodySize: number): number {
  if (bodySize < 128) {
    bytes[position] = bodySize;
    return position + 1;
  }
  const size = trailerSize(bodySize);
  let rest = bodySize;
  for (let k = size - 1; k >= 0; k--) {
    bytes[position + k] = (rest & 127) | (k === 0 ? 0 : 128);
    rest = Math.floor(rest / 128);
  }
  return position + size;
}
