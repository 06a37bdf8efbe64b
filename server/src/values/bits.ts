/**
 * Bits of a range of bytes, the first bit being the highest of the first byte: counting, searching, and the operations on
 * whole strings. Four bytes at a time through a DataView, which takes any offset: half a gigabyte is a fraction of a second.
 */

export type BitOperation = "and" | "or" | "xor";

/** Bytes of a chunk of the arena, in three views of the same memory. */
export interface ByteViews {
  readonly bytes: Buffer;
  readonly wide: DataView;
  readonly words: Int32Array;
}

const BITS_PER_WORD = 32;
const WORDS_PER_BLOCK = 8;
/** Of the bytes of a block. */
const BLOCK_SHIFT = 5;

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

function countBytes({ bytes, words }: ByteViews, start: number, end: number): number {
  let count = 0;
  let at = start;
  for (; at < end && (at & 3) !== 0; at++) count += countWord(bytes[at] as number);
  const blocks = Math.max(0, end - at) >>> BLOCK_SHIFT;
  count += countBlocks(words, at >>> 2, blocks);
  for (at += blocks << BLOCK_SHIFT; at < end; at++) count += countWord(bytes[at] as number);
  return count;
}

/**
 * Blocks of eight words through carry-save adders (Harley and Seal): `ones`, `twos` and `fours` hold one digit of 32 sums
 * each, so that only what overflows from them, one word in eight, has to be counted.
 */
function countBlocks(words: Int32Array, first: number, blocks: number): number {
  let ones = 0;
  let twos = 0;
  let fours = 0;
  let eights = 0;
  const end = first + blocks * WORDS_PER_BLOCK;
  for (let at = first; at < end; at += WORDS_PER_BLOCK) {
    let left = words[at] as number;
    let right = words[at + 1] as number;
    let half = ones ^ left;
    let twosFirst = (ones & left) | (half & right);
    ones = half ^ right;
    left = words[at + 2] as number;
    right = words[at + 3] as number;
    half = ones ^ left;
    let twosSecond = (ones & left) | (half & right);
    ones = half ^ right;
    half = twos ^ twosFirst;
    const foursFirst = (twos & twosFirst) | (half & twosSecond);
    twos = half ^ twosSecond;
    left = words[at + 4] as number;
    right = words[at + 5] as number;
    half = ones ^ left;
    twosFirst = (ones & left) | (half & right);
    ones = half ^ right;
    left = words[at + 6] as number;
    right = words[at + 7] as number;
    half = ones ^ left;
    twosSecond = (ones & left) | (half & right);
    ones = half ^ right;
    half = twos ^ twosFirst;
    const foursSecond = (twos & twosFirst) | (half & twosSecond);
    twos = half ^ twosSecond;
    half = fours ^ foursFirst;
    eights += countWord((fours & foursFirst) | (half & foursSecond));
    fours = half ^ foursSecond;
  }
  return eights * 8 + countWord(fours) * 4 + countWord(twos) * 2 + countWord(ones);
}

function countWord(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Place of the first bit of this value from `firstBit` to `lastBit`, both included; −1 if there is none. */
export function findBit(views: ByteViews, offset: number, firstBit: number, lastBit: number, bit: 0 | 1): number {
  const { bytes } = views;
  const flip = bit === 1 ? 0 : 0xff;
  const last = offset + Math.floor(lastBit / 8);
  let at = offset + Math.floor(firstBit / 8);
  let found = ((bytes[at] as number) ^ flip) & (0xff >>> (firstBit & 7));
  if (found === 0) {
    at = skipBytes(views, at + 1, last + 1, flip);
    if (at > last) return -1;
    found = (bytes[at] as number) ^ flip;
  }
  const place = (at - offset) * 8 + Math.clz32(found) - (BITS_PER_WORD - 8);
  return place <= lastBit ? place : -1;
}

/** The first place from `start` on, before `end`, where a byte is not this one; `end` if there is none. */
function skipBytes({ bytes, words }: ByteViews, start: number, end: number, byte: number): number {
  let at = start;
  for (; at < end && (at & 3) !== 0; at++) if (bytes[at] !== byte) return at;
  const four = byte === 0 ? 0 : -1;
  const endWord = end >>> 2;
  let word = at >>> 2;
  while (word < endWord && words[word] === four) word++;
  at = Math.max(at, word * 4);
  while (at < end && bytes[at] === byte) at++;
  return at;
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
