/**
 * How the segments of a dictionary grow and shrink: doubling and halving small ones, splitting full ones, merging sparse
 * siblings, and keeping the directory right. Off the hot path; the dictionary says which segment and why.
 */

import type { Arena } from "./arena.ts";
import { CHUNK_SHIFT, GRANULE_MASK, type Handle } from "./arena-layout.ts";
import {
  bitsFor,
  createSegment,
  FULL_SEGMENT_BITS,
  MIN_SEGMENT_BITS,
  movePairs,
  segmentCount,
  splitPairs,
  upperPairCount,
} from "./dictionary-segment.ts";

export const DEPTH_MASK = 31;
export const BITS_SHIFT = 5;
export const SEGMENT_MASK = ~1023;
/** Words of the root block. */
export const ROOT_COUNT = 0;
export const ROOT_SHAPE = 1;
export const ROOT_TARGET = 2;
export const ROOT_PROGRESS = 3;
export const ROOT_BYTES = 16;

/** 2^20 segments hold 700 million entries, more than 16 GiB of records can be. */
const MAX_DEPTH = 20;
/** Directory entries allowed for each 512 entries of the table: a good hash needs about 4. */
const DIRECTORY_SLACK = 64;
const WORD_BYTES = 4;
/** A merged segment is at most half full, so that it does not split again at once. */
const MERGED_LIMIT = 1 << (FULL_SEGMENT_BITS - 1);

/** A segment and where it stands. */
export interface SegmentPlace {
  readonly segment: Handle;
  readonly localDepth: number;
  readonly bits: number;
}

/** Makes more room for this hash, whose segment is full. */
export function growSegment(arena: Arena, root: Handle, hash: number, place: SegmentPlace): void {
  const words = arena.words[root >>> CHUNK_SHIFT] as Int32Array;
  const at = (root & GRANULE_MASK) << 1;
  const depth = (words[at + ROOT_SHAPE] as number) & DEPTH_MASK;
  const share = Math.max(1, (words[at + ROOT_COUNT] as number) >>> 9);
  const isDirectoryFull = depth === MAX_DEPTH || 1 << depth > share * DIRECTORY_SLACK;
  if (place.bits < FULL_SEGMENT_BITS || (place.localDepth === depth && isDirectoryFull)) {
    resize(arena, root, hash, place, place.bits + 1);
  } else {
    split(arena, root, hash, place);
  }
}

/** Gives room back where a segment has become sparse, if that is possible now. */
export function shrinkSegment(arena: Arena, root: Handle, hash: number, place: SegmentPlace): void {
  const count = segmentCount(arena, place.segment);
  const minimum = place.localDepth === 0 ? MIN_SEGMENT_BITS : FULL_SEGMENT_BITS;
  const bits = bitsFor(count * 2, minimum);
  if (bits < place.bits) {
    resize(arena, root, hash, place, bits);
    return;
  }
  if (place.localDepth === 0) return;
  const siblingHash = hash ^ (1 << (32 - place.localDepth));
  const sibling = placeOf(arena, root, siblingHash);
  if (sibling.localDepth !== place.localDepth || sibling.bits !== FULL_SEGMENT_BITS) return;
  if (count + segmentCount(arena, sibling.segment) > MERGED_LIMIT) return;
  const localDepth = place.localDepth - 1;
  const merged = createSegment(arena, FULL_SEGMENT_BITS);
  movePairs(arena, place, merged, FULL_SEGMENT_BITS, localDepth);
  movePairs(arena, sibling, merged, FULL_SEGMENT_BITS, localDepth);
  point(arena, root, hash, { segment: merged, localDepth, bits: FULL_SEGMENT_BITS });
  arena.free(place.segment);
  arena.free(sibling.segment);
  if (localDepth === 0) dropDirectory(arena, root, merged);
}

/** Gives the directory another place if its page is to be emptied. */
export function relocateDirectory(arena: Arena, root: Handle): void {
  const words = arena.words[root >>> CHUNK_SHIFT] as Int32Array;
  const at = (root & GRANULE_MASK) << 1;
  if (((words[at + ROOT_SHAPE] as number) & DEPTH_MASK) === 0) return;
  words[at + ROOT_TARGET] = arena.relocate(words[at + ROOT_TARGET] as number);
}

/** The same for the segment of this hash; gives its handle. */
export function relocateSegment(arena: Arena, root: Handle, hash: number, place: SegmentPlace): Handle {
  const segment = arena.relocate(place.segment);
  if (segment !== place.segment) point(arena, root, hash, { ...place, segment });
  return segment;
}

/** The segment for this hash. */
export function placeOf(arena: Arena, root: Handle, hash: number): SegmentPlace {
  const words = arena.words[root >>> CHUNK_SHIFT] as Int32Array;
  const at = (root & GRANULE_MASK) << 1;
  const shape = words[at + ROOT_SHAPE] as number;
  const target = words[at + ROOT_TARGET] as number;
  const depth = shape & DEPTH_MASK;
  if (depth === 0) return { segment: target, localDepth: 0, bits: shape >>> BITS_SHIFT };
  const directory = arena.words[target >>> CHUNK_SHIFT] as Int32Array;
  const entry = directory[((target & GRANULE_MASK) << 1) + (hash >>> (32 - depth))] as number;
  return { segment: entry & SEGMENT_MASK, localDepth: entry & DEPTH_MASK, bits: (entry >>> BITS_SHIFT) & DEPTH_MASK };
}

function resize(arena: Arena, root: Handle, hash: number, place: SegmentPlace, bits: number): void {
  const segment = createSegment(arena, bits);
  movePairs(arena, place, segment, bits, place.localDepth);
  point(arena, root, hash, { segment, localDepth: place.localDepth, bits });
  arena.free(place.segment);
}

function split(arena: Arena, root: Handle, hash: number, place: SegmentPlace): void {
  const upperCount = upperPairCount(arena, place);
  const lowerCount = segmentCount(arena, place.segment) - upperCount;
  const localDepth = place.localDepth + 1;
  const lowerBits = Math.min(bitsFor(lowerCount, FULL_SEGMENT_BITS), place.bits);
  const upperBits = Math.min(bitsFor(upperCount, FULL_SEGMENT_BITS), place.bits);
  const lower = { segment: createSegment(arena, lowerBits), localDepth, bits: lowerBits };
  const upper = { segment: createSegment(arena, upperBits), localDepth, bits: upperBits };
  splitPairs(arena, place, lower, upper);
  const words = arena.words[root >>> CHUNK_SHIFT] as Int32Array;
  const depth = (words[((root & GRANULE_MASK) << 1) + ROOT_SHAPE] as number) & DEPTH_MASK;
  if (place.localDepth === depth) doubleDirectory(arena, root, depth, place);
  const bit = 1 << (31 - place.localDepth);
  point(arena, root, hash & ~bit, lower);
  point(arena, root, hash | bit, upper);
  arena.free(place.segment);
}

function doubleDirectory(arena: Arena, root: Handle, depth: number, place: SegmentPlace): void {
  const words = arena.words[root >>> CHUNK_SHIFT] as Int32Array;
  const at = (root & GRANULE_MASK) << 1;
  const old = words[at + ROOT_TARGET] as number;
  const directory = arena.allocate(WORD_BYTES << (depth + 1));
  const target = arena.words[directory >>> CHUNK_SHIFT] as Int32Array;
  const base = (directory & GRANULE_MASK) << 1;
  if (depth === 0) {
    target.fill(entryOf(place), base, base + 2);
  } else {
    const source = arena.words[old >>> CHUNK_SHIFT] as Int32Array;
    const start = (old & GRANULE_MASK) << 1;
    for (let index = 0; index < 1 << depth; index++) {
      const entry = source[start + index] as number;
      target[base + 2 * index] = entry;
      target[base + 2 * index + 1] = entry;
    }
    arena.free(old);
  }
  words[at + ROOT_SHAPE] = depth + 1;
  words[at + ROOT_TARGET] = directory;
}

/** Merges have left one segment: it stands alone again. */
function dropDirectory(arena: Arena, root: Handle, segment: Handle): void {
  const words = arena.words[root >>> CHUNK_SHIFT] as Int32Array;
  const at = (root & GRANULE_MASK) << 1;
  arena.free(words[at + ROOT_TARGET] as number);
  words[at + ROOT_SHAPE] = FULL_SEGMENT_BITS << BITS_SHIFT;
  words[at + ROOT_TARGET] = segment;
}

/** Makes all directory entries that share the segment's prefix name the segment. */
function point(arena: Arena, root: Handle, hash: number, place: SegmentPlace): void {
  const words = arena.words[root >>> CHUNK_SHIFT] as Int32Array;
  const at = (root & GRANULE_MASK) << 1;
  const depth = (words[at + ROOT_SHAPE] as number) & DEPTH_MASK;
  if (depth === 0) {
    words[at + ROOT_SHAPE] = place.bits << BITS_SHIFT;
    words[at + ROOT_TARGET] = place.segment;
    return;
  }
  const directory = words[at + ROOT_TARGET] as number;
  const span = 1 << (depth - place.localDepth);
  const first = ((directory & GRANULE_MASK) << 1) + ((hash >>> (32 - depth)) & ~(span - 1));
  (arena.words[directory >>> CHUNK_SHIFT] as Int32Array).fill(entryOf(place), first, first + span);
}

function entryOf(place: SegmentPlace): number {
  return place.segment | (place.bits << BITS_SHIFT) | place.localDepth;
}
