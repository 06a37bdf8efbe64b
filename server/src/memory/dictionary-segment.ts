/**
 * The arithmetic of one segment of a dictionary: `1 << bits` pairs of words, (hash, handle), with linear probing over
 * slots 1 to the last; pair 0 holds the count. The home of a hash comes from the 16 bits that follow the segment's
 * prefix, scaled to the number of slots, so homes are in hash order: that is what lets a scan cursor be a hash.
 */

import type { Arena } from "./arena.ts";
import { CHUNK_SHIFT, GRANULE_MASK, type Handle } from "./arena-layout.ts";

export const MIN_SEGMENT_BITS = 4;
/** 8 KiB: small enough to split in some microseconds, large enough that the directory stays small. */
export const FULL_SEGMENT_BITS = 10;
const PAIR_BYTES = 8;
const HOME_MASK = 0xffff;

export interface Segment {
  readonly segment: Handle;
  readonly bits: number;
}

/** Beyond 16 bits of slots (only with hashes that collide on purpose) homes fill the lower ones and probing the rest. */
export function homeSlot(hash: number, localDepth: number, bits: number): number {
  return 1 + (Math.imul((hash << localDepth) >>> 16, ((1 << bits) - 1) & HOME_MASK) >>> 16);
}

/** The number of home slots. */
export function homeCount(bits: number): number {
  return ((1 << bits) - 1) & HOME_MASK;
}

/**
 * The count at which a segment is split or doubled: 84 % for small ones. A good hash fills all segments of a table in step;
 * limits between 78 and 89 %, by the segment's address, spread the splits out and even the memory per entry.
 */
export function segmentLimit(segment: Handle, bits: number): number {
  if (bits < FULL_SEGMENT_BITS) return (27 << bits) >>> 5;
  return ((1 << bits) * (50 + ((segment >>> 10) & 7))) >>> 6;
}

/** The smallest size of at least `minimum` bits for this many entries. */
export function bitsFor(count: number, minimum: number): number {
  let bits = minimum;
  while (count > ((1 << bits) * 50) >>> 6) bits++;
  return bits;
}

export function createSegment(arena: Arena, bits: number): Handle {
  const segment = arena.allocate(PAIR_BYTES << bits);
  const base = (segment & GRANULE_MASK) << 1;
  (arena.words[segment >>> CHUNK_SHIFT] as Int32Array).fill(0, base, base + (2 << bits));
  return segment;
}

export function segmentCount(arena: Arena, segment: Handle): number {
  return (arena.words[segment >>> CHUNK_SHIFT] as Int32Array)[(segment & GRANULE_MASK) << 1] as number;
}

/** Enters a pair known to be absent into a segment known to have room. */
export function putPair(
  words: Int32Array,
  base: number,
  bits: number,
  localDepth: number,
  hash: number,
  handle: Handle,
): void {
  const last = (1 << bits) - 1;
  let slot = homeSlot(hash, localDepth, bits);
  while (words[base + (slot << 1) + 1] !== 0) slot = slot === last ? 1 : slot + 1;
  words[base + (slot << 1)] = hash;
  words[base + (slot << 1) + 1] = handle;
  words[base] = (words[base] as number) + 1;
}

/** Enters all pairs of one segment into another. */
export function movePairs(arena: Arena, from: Segment, to: Handle, toBits: number, localDepth: number): void {
  const source = arena.words[from.segment >>> CHUNK_SHIFT] as Int32Array;
  const target = arena.words[to >>> CHUNK_SHIFT] as Int32Array;
  const base = (to & GRANULE_MASK) << 1;
  const start = (from.segment & GRANULE_MASK) << 1;
  const end = start + (2 << from.bits);
  for (let at = start + 2; at < end; at += 2) {
    const handle = source[at + 1] as number;
    if (handle !== 0) putPair(target, base, toBits, localDepth, source[at] as number, handle);
  }
}

/** How many pairs have a 1 in the bit after the segment's prefix. */
export function upperPairCount(arena: Arena, from: Segment & { readonly localDepth: number }): number {
  const words = arena.words[from.segment >>> CHUNK_SHIFT] as Int32Array;
  const start = (from.segment & GRANULE_MASK) << 1;
  const end = start + (2 << from.bits);
  const shift = 31 - from.localDepth;
  let count = 0;
  for (let at = start + 2; at < end; at += 2) {
    if (words[at + 1] !== 0) count += ((words[at] as number) >>> shift) & 1;
  }
  return count;
}

/** Enters the pairs of a segment into two, by the bit after its prefix. */
export function splitPairs(
  arena: Arena,
  from: Segment & { readonly localDepth: number },
  lower: Segment,
  upper: Segment,
): void {
  const source = arena.words[from.segment >>> CHUNK_SHIFT] as Int32Array;
  const lowerWords = arena.words[lower.segment >>> CHUNK_SHIFT] as Int32Array;
  const upperWords = arena.words[upper.segment >>> CHUNK_SHIFT] as Int32Array;
  const lowerBase = (lower.segment & GRANULE_MASK) << 1;
  const upperBase = (upper.segment & GRANULE_MASK) << 1;
  const start = (from.segment & GRANULE_MASK) << 1;
  const end = start + (2 << from.bits);
  const shift = 31 - from.localDepth;
  const localDepth = from.localDepth + 1;
  for (let at = start + 2; at < end; at += 2) {
    const handle = source[at + 1] as number;
    if (handle === 0) continue;
    const hash = source[at] as number;
    if (((hash >>> shift) & 1) === 0) putPair(lowerWords, lowerBase, lower.bits, localDepth, hash, handle);
    else putPair(upperWords, upperBase, upper.bits, localDepth, hash, handle);
  }
}

/** Empties a slot and moves later pairs of the same run up, so that no mark of the deletion stays. */
export function erasePair(words: Int32Array, base: number, bits: number, localDepth: number, slot: number): void {
  const last = (1 << bits) - 1;
  let hole = slot;
  let probe = slot;
  for (;;) {
    probe = probe === last ? 1 : probe + 1;
    const handle = words[base + (probe << 1) + 1] as number;
    if (handle === 0) break;
    const hash = words[base + (probe << 1)] as number;
    const home = homeSlot(hash, localDepth, bits);
    const mayMove = hole <= probe ? home <= hole || home > probe : home <= hole && home > probe;
    if (mayMove) {
      words[base + (hole << 1)] = hash;
      words[base + (hole << 1) + 1] = handle;
      hole = probe;
    }
  }
  words[base + (hole << 1) + 1] = 0;
  words[base] = (words[base] as number) - 1;
}
