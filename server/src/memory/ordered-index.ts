/**
 * A counted B+tree over entries of a score and an integer, ordered by score and then as the owner orders the integers:
 * scored records by their member bytes, plain numbers by value. All nodes lie in the arena. Counts below every child give
 * ranks, so every kind of range is a pair of ranks. The handle of an index is its header block: i32 count of entries,
 * height, root node. One OrderedIndex serves any number of indexes: it holds only the path of the operation at hand and a
 * cursor, valid until the next edit. Records belong to the caller: delete the entry, then free it. Equal entries may stand
 * side by side where the integers are no records: which of them is deleted makes no difference.
 */

import type { Arena } from "./arena.ts";
import {
  CHILDREN,
  COUNTS,
  createInner,
  createLeaf,
  entriesBelow,
  HEIGHT,
  INNER_CAPACITY,
  insertInInner,
  insertInLeaf,
  LEAF_CAPACITY,
  LEAF_RECORDS,
  moveInnerChildren,
  moveLeafEntries,
  NEXT,
  PREVIOUS,
  ROOT,
  removeFromInner,
  removeFromLeaf,
  SCORES,
  SEPARATORS,
} from "./ordered-index-nodes.ts";
import { freeNodes, nodeBytes } from "./ordered-index-walks.ts";
import { compareMember } from "./scored-record.ts";

const HEADER_BYTES = 12;
/** 36^7 / 2 exceeds the number of handles; half-empty nodes leave room to spare. */
const MAX_HEIGHT = 16;
const MERGE_BELOW = LEAF_CAPACITY >>> 2;
const MERGE_UP_TO = (LEAF_CAPACITY * 3) >>> 2;

/** The order of entries of the same score. */
export type TieOrder = (arena: Arena, left: number, right: number) => number;

/** For entries that are no records. */
export function compareNumbers(_arena: Arena, left: number, right: number): number {
  return left - right;
}

export class OrderedIndex {
  readonly #arena: Arena;
  readonly #compareTies: TieOrder;
  readonly #pathNode = new Int32Array(MAX_HEIGHT);
  readonly #pathChild = new Int32Array(MAX_HEIGHT);
  #cursorLeaf = 0;
  #cursorSlot = 0;

  constructor(arena: Arena, compareTies: TieOrder) {
    this.#arena = arena;
    this.#compareTies = compareTies;
  }

  create(): number {
    const index = this.#arena.allocate(HEADER_BYTES);
    const root = createLeaf(this.#arena);
    const words = this.#arena.words[index >>> 23] as Int32Array;
    const at = (index & 0x7fffff) << 1;
    words[at] = 0;
    words[at + HEIGHT] = 0;
    words[at + ROOT] = root;
    return index;
  }

  count(index: number): number {
    return this.#header(index, 0);
  }

  insert(index: number, score: number, record: number): void {
    const arena = this.#arena;
    const leaf = this.#descend(index, score, record, 1);
    const position = this.#leafPosition(leaf, score, record);
    this.#setHeader(index, 0, this.count(index) + 1);
    const words = arena.words[leaf >>> 23] as Int32Array;
    if ((words[(leaf & 0x7fffff) << 1] as number) < LEAF_CAPACITY) {
      insertInLeaf(arena, leaf, position, score, record);
    } else this.#splitLeaf(index, leaf, position, score, record);
  }

  /** Removes an entry, which must be there; a record itself stays. */
  delete(index: number, score: number, record: number): void {
    const arena = this.#arena;
    const leaf = this.#descend(index, score, record, -1);
    const position = this.#leafPosition(leaf, score, record);
    removeFromLeaf(arena, leaf, position);
    this.#setHeader(index, 0, this.count(index) - 1);
    const height = this.#header(index, HEIGHT);
    if (height === 0) return;
    const at = (leaf & 0x7fffff) << 1;
    const count = (arena.words[leaf >>> 23] as Int32Array)[at] as number;
    if (count === 0) {
      this.#unlinkLeaf(leaf);
      this.#dropChild(index, height - 1);
      return;
    }
    // A separator may refer to the removed record, which the caller is about to free.
    if (position === 0) this.#raiseSeparator(height - 1, leaf);
    if (count < MERGE_BELOW) this.#mergeRight(index, height - 1, leaf, count);
  }

  /** Gives an entry of the index another score. */
  move(index: number, from: number, record: number, score: number): void {
    if (this.#moveInPlace(index, from, record, score)) return;
    this.delete(index, from, record);
    this.insert(index, score, record);
  }

  /** Number of entries before the record. The cursor is then at the record. */
  rank(index: number, score: number, record: number): number {
    const words = this.#arena.words;
    let node = this.#header(index, ROOT);
    let before = 0;
    for (let level = this.#header(index, HEIGHT); level > 0; level--) {
      const child = this.#childPosition(node, score, record);
      before += this.#countBefore(node, child);
      node = (words[node >>> 23] as Int32Array)[((node & 0x7fffff) << 1) + CHILDREN + child] as number;
    }
    this.#cursorLeaf = node;
    this.#cursorSlot = this.#leafPosition(node, score, record);
    return before + this.#cursorSlot;
  }

  /** Number of entries with a score below the given one (or up to it); the cursor is then behind them. */
  rankOfScore(index: number, score: number, inclusive: boolean): number {
    let node = this.#header(index, ROOT);
    let before = 0;
    for (let level = this.#header(index, HEIGHT); level > 0; level--) {
      const child = this.#lowerScore(node, 1, score, inclusive) - 1;
      before += this.#countBefore(node, child);
      const words = this.#arena.words[node >>> 23] as Int32Array;
      node = words[((node & 0x7fffff) << 1) + CHILDREN + child] as number;
    }
    const slot = this.#lowerScore(node, 0, score, inclusive);
    this.#place(node, slot);
    return before + slot;
  }

  /** Number of entries whose member sorts before the bytes (or up to them): for indexes where all scores are equal. */
  rankOfMember(index: number, bytes: Buffer, offset: number, length: number, inclusive: boolean): number {
    const target = { bytes, offset, length, inclusive };
    let node = this.#header(index, ROOT);
    let before = 0;
    for (let level = this.#header(index, HEIGHT); level > 0; level--) {
      const child = this.#lowerMember(node, 1, SEPARATORS, target) - 1;
      before += this.#countBefore(node, child);
      const words = this.#arena.words[node >>> 23] as Int32Array;
      node = words[((node & 0x7fffff) << 1) + CHILDREN + child] as number;
    }
    const slot = this.#lowerMember(node, 0, LEAF_RECORDS, target);
    this.#place(node, slot);
    return before + slot;
  }

  /** Puts the cursor on the entry with this rank, which must exist. */
  seek(index: number, rank: number): void {
    let node = this.#header(index, ROOT);
    for (let level = this.#header(index, HEIGHT); level > 0; level--) {
      const words = this.#arena.words[node >>> 23] as Int32Array;
      const at = (node & 0x7fffff) << 1;
      let child = 0;
      for (;;) {
        const below = words[at + COUNTS + child] as number;
        if (rank < below) break;
        rank -= below;
        child++;
      }
      node = words[at + CHILDREN + child] as number;
    }
    this.#cursorLeaf = node;
    this.#cursorSlot = rank;
  }

  /** The entry under the cursor; its integer. */
  get record(): number {
    const leaf = this.#cursorLeaf;
    const words = this.#arena.words[leaf >>> 23] as Int32Array;
    return words[((leaf & 0x7fffff) << 1) + LEAF_RECORDS + this.#cursorSlot] as number;
  }

  get score(): number {
    const leaf = this.#cursorLeaf;
    return (this.#arena.doubles[leaf >>> 23] as Float64Array)[(leaf & 0x7fffff) + SCORES + this.#cursorSlot] as number;
  }

  /** Copies the integers of entries from the cursor on, or backwards, and steps over them: all of a leaf, at most so many. */
  readRun(target: Int32Array, wanted: number, isReverse: boolean): number {
    const words = this.#arena.words[this.#cursorLeaf >>> 23] as Int32Array;
    const start = ((this.#cursorLeaf & 0x7fffff) << 1) + LEAF_RECORDS;
    const slot = this.#cursorSlot;
    const left = isReverse ? slot + 1 : this.#word(this.#cursorLeaf, 0) - slot;
    const count = Math.min(wanted, target.length, left);
    for (let k = 0; k < count; k++) target[k] = words[start + (isReverse ? slot - k : slot + k)] as number;
    if (isReverse) {
      this.#cursorSlot = slot - count + 1;
      this.previous();
    } else this.#place(this.#cursorLeaf, slot + count);
    return count;
  }

  /** Steps the cursor; the caller counts and never steps off either end to read there. */
  next(): void {
    this.#place(this.#cursorLeaf, this.#cursorSlot + 1);
  }

  previous(): void {
    if (this.#cursorSlot > 0) {
      this.#cursorSlot--;
      return;
    }
    const leaf = this.#word(this.#cursorLeaf, PREVIOUS);
    if (leaf === 0) return;
    this.#cursorLeaf = leaf;
    this.#cursorSlot = this.#word(leaf, 0) - 1;
  }

  /**
   * Frees nodes, at most this many leaves in this call, but no records; true when all is freed, the header too. Between
   * calls the index may only be freed further.
   */
  freeSome(index: number, leaves: number): boolean {
    return freeNodes(this.#arena, index, leaves);
  }

  /** A record has moved, and both places still hold it: its entry and the separator that names it follow. */
  replaceRecord(index: number, score: number, from: number, to: number): void {
    const leaf = this.#descend(index, score, from, 0);
    const slot = this.#leafPosition(leaf, score, from);
    this.#setHeader(leaf, LEAF_RECORDS + slot, to);
    if (slot === 0) this.#setSeparator(this.#header(index, HEIGHT) - 1, score, to);
  }

  /** Bytes of header and nodes, without the records. */
  memoryBytes(index: number): number {
    return nodeBytes(this.#arena, index);
  }

  #word(node: number, word: number): number {
    return (this.#arena.words[node >>> 23] as Int32Array)[((node & 0x7fffff) << 1) + word] as number;
  }

  #header(index: number, word: number): number {
    return (this.#arena.words[index >>> 23] as Int32Array)[((index & 0x7fffff) << 1) + word] as number;
  }

  #setHeader(index: number, word: number, value: number): void {
    (this.#arena.words[index >>> 23] as Int32Array)[((index & 0x7fffff) << 1) + word] = value;
  }

  #place(leaf: number, slot: number): void {
    if (slot >= this.#word(leaf, 0)) {
      const next = this.#word(leaf, NEXT);
      if (next !== 0) {
        leaf = next;
        slot = 0;
      }
    }
    this.#cursorLeaf = leaf;
    this.#cursorSlot = slot;
  }

  #countBefore(inner: number, child: number): number {
    const words = this.#arena.words[inner >>> 23] as Int32Array;
    const start = ((inner & 0x7fffff) << 1) + COUNTS;
    let before = 0;
    for (let k = 0; k < child; k++) before += words[start + k] as number;
    return before;
  }

  /** Walks to the leaf where (score, record) belongs, notes the path and adds the change to the counts on it. */
  #descend(index: number, score: number, record: number, change: number): number {
    const height = this.#header(index, HEIGHT);
    let node = this.#header(index, ROOT);
    for (let depth = 0; depth < height; depth++) {
      const child = this.#childPosition(node, score, record);
      this.#pathNode[depth] = node;
      this.#pathChild[depth] = child;
      const words = this.#arena.words[node >>> 23] as Int32Array;
      const at = (node & 0x7fffff) << 1;
      words[at + COUNTS + child] = (words[at + COUNTS + child] as number) + change;
      node = words[at + CHILDREN + child] as number;
    }
    return node;
  }

  /** Index of the first entry of the leaf that is not before (score, record). */
  #leafPosition(leaf: number, score: number, record: number): number {
    return this.#lowerEntry(leaf, 0, LEAF_RECORDS, score, record, 0);
  }

  /** Index of the last child whose separator is not behind (score, record). */
  #childPosition(inner: number, score: number, record: number): number {
    return this.#lowerEntry(inner, 1, SEPARATORS, score, record, 1) - 1;
  }

  /** In either kind of node: first position from `low` on whose entry is not before the given one (or is behind it). */
  #lowerEntry(node: number, low: number, records: number, score: number, record: number, inclusive: 0 | 1): number {
    const scores = this.#arena.doubles[node >>> 23] as Float64Array;
    const words = this.#arena.words[node >>> 23] as Int32Array;
    const granule = node & 0x7fffff;
    const at = granule << 1;
    let high = words[at] as number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = scores[granule + SCORES + middle] as number;
      const isBefore =
        other < score ||
        (other === score && this.#compareTies(this.#arena, words[at + records + middle] as number, record) < inclusive);
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** In either kind of node: first position from `low` on whose score is not below (or up to) the given one. */
  #lowerScore(node: number, low: number, score: number, inclusive: boolean): number {
    const scores = this.#arena.doubles[node >>> 23] as Float64Array;
    const start = (node & 0x7fffff) + SCORES;
    let high = this.#word(node, 0);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = scores[start + middle] as number;
      if (other < score || (inclusive && other === score)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #lowerMember(
    node: number,
    low: number,
    records: number,
    target: { bytes: Buffer; offset: number; length: number; inclusive: boolean },
  ): number {
    let high = this.#word(node, 0);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = this.#word(node, records + middle);
      const order = compareMember(this.#arena, record, target.bytes, target.offset, target.length);
      if (order < 0 || (target.inclusive && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #splitLeaf(index: number, leaf: number, position: number, score: number, record: number): void {
    const arena = this.#arena;
    const added = createLeaf(arena);
    const next = this.#word(leaf, NEXT);
    this.#setHeader(added, NEXT, next);
    this.#setHeader(added, PREVIOUS, leaf);
    this.#setHeader(leaf, NEXT, added);
    if (next !== 0) this.#setHeader(next, PREVIOUS, added);
    // At the right edge the old leaf stays full: ascending loads then fill every leaf.
    const half = next === 0 && position === LEAF_CAPACITY ? LEAF_CAPACITY : LEAF_CAPACITY >>> 1;
    moveLeafEntries(arena, leaf, half, added);
    if (position > half || half === LEAF_CAPACITY) insertInLeaf(arena, added, position - half, score, record);
    else insertInLeaf(arena, leaf, position, score, record);
    this.#addChild(index, this.#header(index, HEIGHT) - 1, leaf, added);
  }

  /** Enters a new right sibling of a node that was split into the parent at this depth. */
  #addChild(index: number, depth: number, left: number, right: number): void {
    const arena = this.#arena;
    const isLeafLevel = depth === this.#header(index, HEIGHT) - 1;
    const score = (arena.doubles[right >>> 23] as Float64Array)[(right & 0x7fffff) + SCORES] as number;
    const record = this.#word(right, isLeafLevel ? LEAF_RECORDS : SEPARATORS);
    const leftEntries = isLeafLevel ? this.#word(left, 0) : entriesBelow(arena, left);
    const rightEntries = isLeafLevel ? this.#word(right, 0) : entriesBelow(arena, right);
    if (depth < 0) {
      const root = createInner(arena);
      insertInInner(arena, root, 0, 0, 0, left, leftEntries);
      insertInInner(arena, root, 1, score, record, right, rightEntries);
      this.#setHeader(index, ROOT, root);
      this.#setHeader(index, HEIGHT, this.#header(index, HEIGHT) + 1);
      return;
    }
    const parent = this.#pathNode[depth] as number;
    const position = this.#pathChild[depth] as number;
    this.#setHeader(parent, COUNTS + position, leftEntries);
    if (this.#word(parent, 0) < INNER_CAPACITY) {
      insertInInner(arena, parent, position + 1, score, record, right, rightEntries);
      return;
    }
    const added = createInner(arena);
    const half = position === INNER_CAPACITY - 1 ? INNER_CAPACITY - 1 : INNER_CAPACITY >>> 1;
    moveInnerChildren(arena, parent, half, added);
    if (position >= half) insertInInner(arena, added, position - half + 1, score, record, right, rightEntries);
    else insertInInner(arena, parent, position + 1, score, record, right, rightEntries);
    this.#addChild(index, depth - 1, parent, added);
  }

  /** Sets the separator that bounds the subtree at this depth of the path: the lowest ancestor where it is not the first child. */
  #setSeparator(depth: number, score: number, record: number): void {
    for (; depth >= 0; depth--) {
      const child = this.#pathChild[depth] as number;
      if (child === 0) continue;
      const node = this.#pathNode[depth] as number;
      (this.#arena.doubles[node >>> 23] as Float64Array)[(node & 0x7fffff) + SCORES + child] = score;
      this.#setHeader(node, SEPARATORS + child, record);
      return;
    }
  }

  #raiseSeparator(depth: number, leaf: number): void {
    const score = (this.#arena.doubles[leaf >>> 23] as Float64Array)[(leaf & 0x7fffff) + SCORES] as number;
    this.#setSeparator(depth, score, this.#word(leaf, LEAF_RECORDS));
  }

  #mergeRight(index: number, depth: number, leaf: number, count: number): void {
    const arena = this.#arena;
    const parent = this.#pathNode[depth] as number;
    const position = this.#pathChild[depth] as number;
    if (position + 1 >= this.#word(parent, 0)) return;
    const right = this.#word(parent, CHILDREN + position + 1);
    const rightCount = this.#word(right, 0);
    if (count + rightCount > MERGE_UP_TO) return;
    moveLeafEntries(arena, right, 0, leaf);
    this.#setHeader(parent, COUNTS + position, count + rightCount);
    this.#unlinkLeaf(right);
    this.#pathChild[depth] = position + 1;
    this.#dropChild(index, depth);
  }

  #unlinkLeaf(leaf: number): void {
    const previous = this.#word(leaf, PREVIOUS);
    const next = this.#word(leaf, NEXT);
    if (previous !== 0) this.#setHeader(previous, NEXT, next);
    if (next !== 0) this.#setHeader(next, PREVIOUS, previous);
    this.#arena.free(leaf);
  }

  /** Takes the child on the path at this depth, already freed, out of its parent. */
  #dropChild(index: number, depth: number): void {
    const arena = this.#arena;
    const node = this.#pathNode[depth] as number;
    const child = this.#pathChild[depth] as number;
    removeFromInner(arena, node, child);
    const count = this.#word(node, 0);
    if (count === 0) {
      arena.free(node);
      if (depth > 0) this.#dropChild(index, depth - 1);
      else {
        this.#setHeader(index, ROOT, createLeaf(arena));
        this.#setHeader(index, HEIGHT, 0);
      }
      return;
    }
    if (child === 0 && depth > 0) {
      const score = (arena.doubles[node >>> 23] as Float64Array)[(node & 0x7fffff) + SCORES] as number;
      this.#setSeparator(depth - 1, score, this.#word(node, SEPARATORS));
    }
    if (depth === 0) this.#lowerRoot(index);
  }

  /** A root with one child gives way to the child. */
  #lowerRoot(index: number): void {
    let height = this.#header(index, HEIGHT);
    let root = this.#header(index, ROOT);
    while (height > 0 && this.#word(root, 0) === 1) {
      const child = this.#word(root, CHILDREN);
      this.#arena.free(root);
      root = child;
      height--;
    }
    this.#setHeader(index, ROOT, root);
    this.#setHeader(index, HEIGHT, height);
  }

  /** Where the new score keeps the record between its neighbours, only the score changes. */
  #moveInPlace(index: number, oldScore: number, record: number, score: number): boolean {
    const arena = this.#arena;
    const leaf = this.#descend(index, oldScore, record, 0);
    const slot = this.#leafPosition(leaf, oldScore, record);
    const next = slot + 1 < this.#word(leaf, 0) ? leaf : this.#word(leaf, NEXT);
    if (next !== 0 && !this.#isBehind(next, next === leaf ? slot + 1 : 0, score, record)) return false;
    const previous = slot > 0 ? leaf : this.#word(leaf, PREVIOUS);
    if (previous !== 0) {
      const before = previous === leaf ? slot - 1 : this.#word(previous, 0) - 1;
      if (this.#isBehind(previous, before, score, record)) return false;
    }
    (arena.doubles[leaf >>> 23] as Float64Array)[(leaf & 0x7fffff) + SCORES + slot] = score;
    if (slot === 0) this.#setSeparator(this.#header(index, HEIGHT) - 1, score, record);
    return true;
  }

  #isBehind(leaf: number, slot: number, score: number, record: number): boolean {
    const other = (this.#arena.doubles[leaf >>> 23] as Float64Array)[(leaf & 0x7fffff) + SCORES + slot] as number;
    if (other !== score) return other > score;
    return this.#compareTies(this.#arena, this.#word(leaf, LEAF_RECORDS + slot), record) > 0;
  }
}
