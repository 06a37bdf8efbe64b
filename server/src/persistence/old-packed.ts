/**
 * Packed layouts that Redis wrote before listpacks and that only files hold now: the ziplist (lists, hashes, sorted
 * sets up to version 9) and the zipmap (hashes up to version 3). Both are walked with every step checked against the
 * end, because the bytes come from outside.
 */

import type { ByteSpan } from "../memory/byte-span.ts";

const ZIPLIST_HEADER = 10;
const ZIPLIST_END = 255;
const BIG_PREVIOUS = 254;
const ZIPMAP_END = 255;
const ZIPMAP_BIG = 254;

const MALFORMED = -1;

/** Reads entries one after another; `next` fills the span until it returns false. `isDamaged` tells why it did. */
export class ZiplistWalk {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  isDamaged = false;

  constructor(bytes: Buffer, offset: number, length: number) {
    this.#bytes = bytes;
    this.#end = offset + length;
    this.#at = offset + ZIPLIST_HEADER;
    this.isDamaged =
      length < ZIPLIST_HEADER + 1 || bytes.readUInt32LE(offset) !== length || bytes[this.#end - 1] !== ZIPLIST_END;
  }

  next(span: ByteSpan): boolean {
    const bytes = this.#bytes;
    if (this.isDamaged || bytes[this.#at] === ZIPLIST_END) {
      this.isDamaged ||= this.#at !== this.#end - 1;
      return false;
    }
    const body = this.#at + (bytes[this.#at] === BIG_PREVIOUS ? 5 : 1);
    this.#at = body >= this.#end ? MALFORMED : readZiplistEntry(bytes, body, this.#end - 1, span);
    this.isDamaged = this.#at === MALFORMED;
    return !this.isDamaged;
  }
}

/** Position behind the entry, or MALFORMED. */
function readZiplistEntry(bytes: Buffer, at: number, end: number, span: ByteSpan): number {
  const first = bytes[at] as number;
  if (first >= 0xc0) return readZiplistInteger(bytes, at, end, span);
  let length = first & 0x3f;
  let start = at + 1;
  if (first >= 0x80) {
    if (at + 5 > end) return MALFORMED;
    length = bytes.readUInt32BE(at + 1);
    start = at + 5;
  } else if (first >= 0x40) {
    if (at + 2 > end) return MALFORMED;
    length = (length << 8) | (bytes[at + 1] as number);
    start = at + 2;
  }
  if (start + length > end) return MALFORMED;
  span.set(bytes, start, length);
  return start + length;
}

function readZiplistInteger(bytes: Buffer, at: number, end: number, span: ByteSpan): number {
  const first = bytes[at] as number;
  if (first >= 0xf1 && first <= 0xfd) {
    span.setInteger(0, (first & 15) - 1);
    return at + 1;
  }
  const width =
    first === 0xc0 ? 2 : first === 0xd0 ? 4 : first === 0xe0 ? 8 : first === 0xf0 ? 3 : first === 0xfe ? 1 : 0;
  if (width === 0 || at + 1 + width > end) return MALFORMED;
  if (width === 8) {
    span.setInteger(bytes.readInt32LE(at + 5), bytes.readInt32LE(at + 1));
  } else {
    const value = bytes.readIntLE(at + 1, width);
    span.setInteger(value >> 31, value);
  }
  return at + 1 + width;
}

/** Field and value in turn, in the order of the map. */
export class ZipmapWalk {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  #isValue = false;
  isDamaged: boolean;

  constructor(bytes: Buffer, offset: number, length: number) {
    this.#bytes = bytes;
    this.#end = offset + length;
    this.#at = offset + 1;
    this.isDamaged = length < 2 || bytes[this.#end - 1] !== ZIPMAP_END;
  }

  next(span: ByteSpan): boolean {
    const bytes = this.#bytes;
    if (this.isDamaged) return false;
    const first = bytes[this.#at] as number;
    if (first === ZIPMAP_END) {
      this.isDamaged = this.#isValue || this.#at !== this.#end - 1;
      return false;
    }
    let length = first;
    let start = this.#at + 1;
    if (first === ZIPMAP_BIG) {
      if (start + 4 > this.#end) return this.#fail();
      length = bytes.readUInt32LE(start);
      start += 4;
    }
    // A value is followed by some unused bytes, their number stands in front of it.
    const unused = this.#isValue ? (bytes[start++] as number) : 0;
    if (start + length + unused >= this.#end) return this.#fail();
    span.set(bytes, start, length);
    this.#at = start + length + unused;
    this.#isValue = !this.#isValue;
    return true;
  }

  #fail(): boolean {
    this.isDamaged = true;
    return false;
  }
}
