/**
 * The nodes of the ordered index, as plain blocks of the arena.
 *   leaf  (880 B): i32 count, unused, previous, next; f64 score[72]; i32 record[72]
 *   inner (736 B): i32 count, 3 unused; f64 separatorScore[36]; i32 separatorRecord[36], child[36], subtreeCount[36]
 * Separator k is the first entry of child k's subtree at the time it was set, a lower bound for it; separator 0 is not
 * used. Scores are kept in the nodes on purpose: a search touches records only where scores are equal.
 */

import type { Arena } from "./arena.ts";

export const LEAF_CAPACITY = 72;
export const INNER_CAPACITY = 36;
const HEADER_WORDS = 4;
/** Index of the first score, in doubles from the node's start. */
export const SCORES = HEADER_WORDS / 2;
/** Indexes in words from the node's start. */
export const LEAF_RECORDS = HEADER_WORDS + LEAF_CAPACITY * 2;
export const SEPARATORS = HEADER_WORDS + INNER_CAPACITY * 2;
export const CHILDREN = SEPARATORS + INNER_CAPACITY;
export const COUNTS = CHILDREN + INNER_CAPACITY;
/** Words of an index's header behind the count of entries. */
export const HEIGHT = 1;
export const ROOT = 2;
export const PREVIOUS = 2;
export const NEXT = 3;

const LEAF_BYTES = (LEAF_RECORDS + LEAF_CAPACITY) * 4;

export function createLeaf(arena: Arena): number {
  return createNode(arena, LEAF_BYTES);
}

export function createInner(arena: Arena): number {
  return createNode(arena, (COUNTS + INNER_CAPACITY) * 4);
}

function createNode(arena: Arena, sizeBytes: number): number {
  const node = arena.allocate(sizeBytes);
  const words = arena.words[node >>> 23] as Int32Array;
  const at = (node & 0x7fffff) << 1;
  for (let k = 0; k < HEADER_WORDS; k++) words[at + k] = 0;
  return node;
}

/** Inserts into a leaf that has room. */
export function insertInLeaf(arena: Arena, leaf: number, position: number, score: number, record: number): void {
  const scores = arena.doubles[leaf >>> 23] as Float64Array;
  const words = arena.words[leaf >>> 23] as Int32Array;
  const granule = leaf & 0x7fffff;
  const at = granule << 1;
  const count = words[at] as number;
  const firstScore = granule + SCORES;
  const firstRecord = at + LEAF_RECORDS;
  for (let k = count; k > position; k--) {
    scores[firstScore + k] = scores[firstScore + k - 1] as number;
    words[firstRecord + k] = words[firstRecord + k - 1] as number;
  }
  scores[firstScore + position] = score;
  words[firstRecord + position] = record;
  words[at] = count + 1;
}

export function removeFromLeaf(arena: Arena, leaf: number, position: number): void {
  const scores = arena.doubles[leaf >>> 23] as Float64Array;
  const words = arena.words[leaf >>> 23] as Int32Array;
  const granule = leaf & 0x7fffff;
  const at = granule << 1;
  const last = (words[at] as number) - 1;
  const firstScore = granule + SCORES;
  const firstRecord = at + LEAF_RECORDS;
  for (let k = position; k < last; k++) {
    scores[firstScore + k] = scores[firstScore + k + 1] as number;
    words[firstRecord + k] = words[firstRecord + k + 1] as number;
  }
  words[at] = last;
}

/** Moves the entries of a leaf from a position on to the end of another leaf that has room. */
export function moveLeafEntries(arena: Arena, from: number, position: number, to: number): void {
  const fromScores = arena.doubles[from >>> 23] as Float64Array;
  const fromWords = arena.words[from >>> 23] as Int32Array;
  const toScores = arena.doubles[to >>> 23] as Float64Array;
  const toWords = arena.words[to >>> 23] as Int32Array;
  const fromAt = (from & 0x7fffff) << 1;
  const toAt = (to & 0x7fffff) << 1;
  const count = fromWords[fromAt] as number;
  const base = toWords[toAt] as number;
  for (let k = position; k < count; k++) {
    const target = base + k - position;
    toScores[(to & 0x7fffff) + SCORES + target] = fromScores[(from & 0x7fffff) + SCORES + k] as number;
    toWords[toAt + LEAF_RECORDS + target] = fromWords[fromAt + LEAF_RECORDS + k] as number;
  }
  toWords[toAt] = base + count - position;
  fromWords[fromAt] = position;
}

/** Inserts a child with its separator into an inner node that has room. */
export function insertInInner(
  arena: Arena,
  inner: number,
  position: number,
  score: number,
  record: number,
  child: number,
  entries: number,
): void {
  const words = arena.words[inner >>> 23] as Int32Array;
  const at = (inner & 0x7fffff) << 1;
  const count = words[at] as number;
  for (let k = count; k > position; k--) copyChild(arena, inner, k - 1, inner, k);
  (arena.doubles[inner >>> 23] as Float64Array)[(inner & 0x7fffff) + SCORES + position] = score;
  words[at + SEPARATORS + position] = record;
  words[at + CHILDREN + position] = child;
  words[at + COUNTS + position] = entries;
  words[at] = count + 1;
}

export function removeFromInner(arena: Arena, inner: number, position: number): void {
  const words = arena.words[inner >>> 23] as Int32Array;
  const at = (inner & 0x7fffff) << 1;
  const last = (words[at] as number) - 1;
  for (let k = position; k < last; k++) copyChild(arena, inner, k + 1, inner, k);
  words[at] = last;
}

/** Moves the children of an inner node from a position on to an empty one. */
export function moveInnerChildren(arena: Arena, from: number, position: number, to: number): void {
  const fromWords = arena.words[from >>> 23] as Int32Array;
  const fromAt = (from & 0x7fffff) << 1;
  const count = fromWords[fromAt] as number;
  for (let k = position; k < count; k++) copyChild(arena, from, k, to, k - position);
  (arena.words[to >>> 23] as Int32Array)[(to & 0x7fffff) << 1] = count - position;
  fromWords[fromAt] = position;
}

function copyChild(arena: Arena, from: number, source: number, to: number, target: number): void {
  const fromWords = arena.words[from >>> 23] as Int32Array;
  const toWords = arena.words[to >>> 23] as Int32Array;
  const fromAt = (from & 0x7fffff) << 1;
  const toAt = (to & 0x7fffff) << 1;
  const score = (arena.doubles[from >>> 23] as Float64Array)[(from & 0x7fffff) + SCORES + source] as number;
  (arena.doubles[to >>> 23] as Float64Array)[(to & 0x7fffff) + SCORES + target] = score;
  toWords[toAt + SEPARATORS + target] = fromWords[fromAt + SEPARATORS + source] as number;
  toWords[toAt + CHILDREN + target] = fromWords[fromAt + CHILDREN + source] as number;
  toWords[toAt + COUNTS + target] = fromWords[fromAt + COUNTS + source] as number;
}

/** Number of entries below an inner node. */
export function entriesBelow(arena: Arena, inner: number): number {
  const words = arena.words[inner >>> 23] as Int32Array;
  const at = (inner & 0x7fffff) << 1;
  const count = words[at] as number;
  let entries = 0;
  for (let k = 0; k < count; k++) entries += words[at + COUNTS + k] as number;
  return entries;
}
