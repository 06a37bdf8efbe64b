/**
 * Bits of a range of bytes, the first bit being the highest of the first byte: counting, searching, and the operations on
 * whole strings. Four bytes at a time through a DataView, which takes any offset: half a gigabyte is a fraction of a second.
 */

export type BitOperation = "and" | "or" | "xor";

/** Bytes of a chunk of the arena, in two views of the same memory. */
export interface ByteViews {
  readonly bytes: Buffer;
  readonly wide: DataView;
}

const BITS_PER_WORD = 32;

/** Set bits from `firstBit` to `lastBit`, both included, counted from the start of `offset`. */
export function countBits(views: ByteViews, offset: number, firstBit: number, lastBit: number): number {
  const { bytes } = views;
  const first = offset + Math.floor(firstBit / 8);
  const last = offset + Math.floor(lastBit / 8);
  const firstMask = 0xff >>> (firstBit & 7);
  const lastMask = (0xff00 >>> ((lastBit & 7) + 1)) & 0xff;
  if (first === last) return countWord((bytes[first] as number) & firstMask & lastMask);
  const ends = ((bytes[first] as number) & firstMask) | (((bytes[last] as number) & lastMask) << 8);
  return countWord(ends) + countBytes(views, first + 1, last);
}

function countBytes({ bytes, wide }: ByteViews, start: number, end: number): number {
  let count = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) count += countWord(wide.getInt32(at, true));
  for (; at < end; at++) count += countWord(bytes[at] as number);
  return count;
}

function countWord(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Place of the first bit of this value from `firstBit` to `lastBit`, both included; −1 if there is none. */
export function findBit(views: ByteViews, offset: number, firstBit: number, lastBit: number, bit: 0 | 1): number {
  const { bytes, wide } = views;
  const flip = bit === 1 ? 0 : -1;
  const lastByte = Math.floor(lastBit / 8);
  let at = Math.floor(firstBit / 8);
  const head = ((bytes[offset + at] as number) ^ flip) & (0xff >>> (firstBit & 7));
  if (head === 0) {
    at++;
    while (at + 3 <= lastByte && (wide.getInt32(offset + at, true) ^ flip) === 0) at += 4;
    while (at <= lastByte && (((bytes[offset + at] as number) ^ flip) & 0xff) === 0) at++;
    if (at > lastByte) return -1;
  }
  const found = head === 0 ? ((bytes[offset + at] as number) ^ flip) & 0xff : head;
  const place = at * 8 + Math.clz32(found) - (BITS_PER_WORD - 8);
  return place <= lastBit ? place : -1;
}

/** `target op= source` over `length` bytes. */
export function combineBits(
  operation: BitOperation,
  target: ByteViews,
  targetOffset: number,
  source: ByteViews,
  sourceOffset: number,
  length: number,
): void {
  const from = source.wide;
  const to = target.wide;
  const words = length & ~3;
  if (operation === "and") {
    for (let at = 0; at < words; at += 4) {
      to.setInt32(
        targetOffset + at,
        to.getInt32(targetOffset + at, true) & from.getInt32(sourceOffset + at, true),
        true,
      );
    }
  } else if (operation === "or") {
    for (let at = 0; at < words; at += 4) {
      to.setInt32(
        targetOffset + at,
        to.getInt32(targetOffset + at, true) | from.getInt32(sourceOffset + at, true),
        true,
      );
    }
  } else {
    for (let at = 0; at < words; at += 4) {
      to.setInt32(
        targetOffset + at,
        to.getInt32(targetOffset + at, true) ^ from.getInt32(sourceOffset + at, true),
        true,
      );
    }
  }
  for (let at = words; at < length; at++) {
    const left = target.bytes[targetOffset + at] as number;
    const right = source.bytes[sourceOffset + at] as number;
    target.bytes[targetOffset + at] =
      operation === "and" ? left & right : operation === "or" ? left | right : left ^ right;
  }
}

/** Turns every bit of a range around. */
export function invertBits({ bytes, wide }: ByteViews, offset: number, length: number): void {
  const words = length & ~3;
  for (let at = offset; at < offset + words; at += 4) wide.setInt32(at, ~wide.getInt32(at, true), true);
  for (let at = offset + words; at < offset + length; at++) bytes[at] = ~(bytes[at] as number);
}
