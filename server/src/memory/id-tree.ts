/**
 * A B+tree of stream ids, each with a fixed number of words beside it; all nodes lie in the arena. The handle of a tree is
 * its header block: i32 count of entries, height, root node. A leaf is i32 count, capacity, then entries of id and words;
 * an inner node is i32 count, unused, then for each child its smallest id (of the first child it counts for nothing) and
 * its handle. The only leaf of a small tree grows by doubling. Leaves are not linked: a step off a leaf's end goes down
 * anew. One IdTree serves any number of trees: it holds only a cursor, good until the next edit of that tree.
 */

import type { Arena } from "./arena.ts";
import { ID_WORDS, StreamId } from "./stream-id.ts";

const HEADER_BYTES = 12;
const HEIGHT = 1;
const ROOT = 2;
const CAPACITY = 1;
/** Words before the entries of a node of either kind. */
const NODE_HEAD = 2;
const CHILD_STRIDE = ID_WORDS + 1;
const INNER_BYTES = 1024;
const INNER_CAPACITY = Math.floor((INNER_BYTES / 4 - NODE_HEAD) / CHILD_STRIDE);
const FULL_LEAF_ENTRIES = 60;
const FIRST_LEAF_ENTRIES = 4;
/** Half-full nodes of 50 children: far beyond the number of handles. */
const MAX_HEIGHT = 16;
/** A position of compaction has so many values for each level of inner nodes but the lowest, and so many levels. */
const POSITION_BASE = 64;
const POSITION_LEVELS = 5;
/** All positions of compaction are below this. */
export const TREE_POSITIONS = POSITION_BASE ** POSITION_LEVELS;

export class IdTree {
  readonly #arena: Arena;
  readonly #stride: number;
  readonly #pathNode = new Int32Array(MAX_HEIGHT);
  readonly #pathChild = new Int32Array(MAX_HEIGHT);
  readonly #scratch = new StreamId();
  #leaf = 0;
  #slot = 0;

  /** So many words stand beside each id. */
  constructor(arena: Arena, valueWords: number) {
    this.#arena = arena;
    this.#stride = ID_WORDS + valueWords;
  }

  create(): number {
    const tree = this.#arena.allocate(HEADER_BYTES);
    const leaf = this.#createLeaf(FIRST_LEAF_ENTRIES);
    this.#set(tree, 0, 0);
    this.#set(tree, HEIGHT, 0);
    this.#set(tree, ROOT, leaf);
    return tree;
  }

  count(tree: number): number {
    return this.#get(tree, 0);
  }

  /** Puts the cursor on the entry with this id; false if there is none. */
  find(tree: number, id: StreamId): boolean {
    const leaf = this.#descend(tree, id);
    const slot = this.#lowerBound(leaf, id);
    this.#leaf = leaf;
    this.#slot = slot;
    return slot < this.#get(leaf, 0) && id.compareWords(this.#words(leaf), this.#entryWord(leaf, slot)) === 0;
  }

  /** Puts the cursor on the first entry from this id on; false if there is none. */
  seek(tree: number, id: StreamId): boolean {
    this.find(tree, id);
    return this.#settle(tree);
  }

  /** Puts the cursor on the entry with the largest id, of a tree that is not empty. */
  seekLast(tree: number): void {
    let node = this.#get(tree, ROOT);
    for (let level = this.#get(tree, HEIGHT); level > 0; level--) node = this.#child(node, this.#get(node, 0) - 1);
    this.#leaf = node;
    this.#slot = this.#get(node, 0) - 1;
  }

  /** Steps to the next entry; false at the end. */
  next(tree: number): boolean {
    this.#slot++;
    return this.#settle(tree);
  }

  readId(id: StreamId): StreamId {
    return id.readWords(this.#words(this.#leaf), this.#entryWord(this.#leaf, this.#slot));
  }

  /** Word `index` beside the id under the cursor. */
  value(index: number): number {
    return this.#words(this.#leaf)[this.#entryWord(this.#leaf, this.#slot) + ID_WORDS + index] as number;
  }

  setValue(index: number, value: number): void {
    this.#words(this.#leaf)[this.#entryWord(this.#leaf, this.#slot) + ID_WORDS + index] = value;
  }

  /** Enters an id unless it is there; false if it was. The cursor is on it; a new one's words are undefined. */
  insert(tree: number, id: StreamId): boolean {
    if (this.find(tree, id)) return false;
    this.#set(tree, 0, this.count(tree) + 1);
    let leaf = this.#leaf;
    const count = this.#get(leaf, 0);
    if (count === this.#get(leaf, CAPACITY)) {
      if (count < FULL_LEAF_ENTRIES) leaf = this.#growOnlyLeaf(tree, leaf);
      else leaf = this.#splitLeaf(tree, leaf, id);
    }
    this.#leaf = leaf;
    this.#openGap(leaf, this.#slot, this.#stride);
    id.writeWords(this.#words(leaf), this.#entryWord(leaf, this.#slot));
    return true;
  }

  /** False if the id was not there. */
  delete(tree: number, id: StreamId): boolean {
    if (!this.find(tree, id)) return false;
    const leaf = this.#leaf;
    this.#set(tree, 0, this.count(tree) - 1);
    this.#closeGap(leaf, this.#slot, this.#stride);
    const height = this.#get(tree, HEIGHT);
    if (height === 0) return true;
    const count = this.#get(leaf, 0);
    if (count === 0) {
      this.#arena.free(leaf);
      this.#dropChild(tree, height - 1, this.#pathChild[height - 1] as number);
    } else if (count < FULL_LEAF_ENTRIES >>> 2) this.#mergeRight(tree, height - 1, leaf, count);
    return true;
  }

  /**
   * Frees nodes, at most this many leaves in this call; true when all is freed, the header too. Between calls the tree may
   * only be freed further.
   */
  freeSome(tree: number, leaves: number): boolean {
    const height = this.#get(tree, HEIGHT);
    for (; leaves > 0; leaves--) {
      let node = this.#get(tree, ROOT);
      let depth = 0;
      for (; depth < height && this.#get(node, 0) > 0; depth++) {
        this.#pathNode[depth] = node;
        node = this.#child(node, this.#get(node, 0) - 1);
      }
      this.#arena.free(node);
      if (depth === 0) {
        this.#arena.free(tree);
        return true;
      }
      const parent = this.#pathNode[depth - 1] as number;
      this.#set(parent, 0, this.#get(parent, 0) - 1);
    }
    return false;
  }

  /**
   * Compaction: moves the leaves of one of the lowest inner nodes, and all inner nodes above, where their pages are to be
   * emptied. Gives the position to go on with, 0 at the end: which child to go to on each level, the root's first. A
   * place that is gone is the next one that is there. The header is the caller's to move.
   */
  relocate(tree: number, position: number): number {
    let next = 0;
    let path = 0;
    let scale = TREE_POSITIONS;
    let owner = tree;
    let place = ROOT;
    for (let level = this.#get(tree, HEIGHT); level > 1; level--) {
      const node = this.#relocateChild(owner, place);
      scale /= POSITION_BASE;
      const child = Math.floor(position / scale) % POSITION_BASE;
      const last = this.#get(node, 0) - 1;
      if (child > last) return next;
      path += child * scale;
      if (child < last) next = path + scale;
      owner = node;
      place = NODE_HEAD + child * CHILD_STRIDE + ID_WORDS;
    }
    const node = this.#relocateChild(owner, place);
    if (this.#get(tree, HEIGHT) === 0) return 0;
    const count = this.#get(node, 0);
    for (let child = 0; child < count; child++) {
      this.#relocateChild(node, NODE_HEAD + child * CHILD_STRIDE + ID_WORDS);
    }
    return next;
  }

  #relocateChild(owner: number, place: number): number {
    const child = this.#arena.relocate(this.#get(owner, place));
    this.#set(owner, place, child);
    return child;
  }

  /** Size classes of header and nodes added up. Looks at the inner nodes only: leaves below one are all of one size. */
  memoryBytes(tree: number): number {
    return this.#arena.capacityOf(tree) + this.#nodeBytes(this.#get(tree, ROOT), this.#get(tree, HEIGHT));
  }

  #nodeBytes(node: number, height: number): number {
    let bytes = this.#arena.capacityOf(node);
    if (height === 0) return bytes;
    const count = this.#get(node, 0);
    if (height === 1) return bytes + count * this.#arena.capacityOf(this.#child(node, 0));
    for (let child = 0; child < count; child++) bytes += this.#nodeBytes(this.#child(node, child), height - 1);
    return bytes;
  }

  #words(handle: number): Int32Array {
    return this.#arena.words[handle >>> 23] as Int32Array;
  }

  #get(handle: number, word: number): number {
    return (this.#arena.words[handle >>> 23] as Int32Array)[((handle & 0x7fffff) << 1) + word] as number;
  }

  #set(handle: number, word: number, value: number): void {
    (this.#arena.words[handle >>> 23] as Int32Array)[((handle & 0x7fffff) << 1) + word] = value;
  }

  #entryWord(leaf: number, slot: number): number {
    return ((leaf & 0x7fffff) << 1) + NODE_HEAD + slot * this.#stride;
  }

  #child(inner: number, child: number): number {
    return this.#get(inner, NODE_HEAD + child * CHILD_STRIDE + ID_WORDS);
  }

  /** The leaf where the id belongs; notes the path. */
  #descend(tree: number, id: StreamId): number {
    const height = this.#get(tree, HEIGHT);
    let node = this.#get(tree, ROOT);
    for (let depth = 0; depth < height; depth++) {
      const child = this.#childOf(node, id);
      this.#pathNode[depth] = node;
      this.#pathChild[depth] = child;
      node = this.#child(node, child);
    }
    return node;
  }

  /** The last child whose smallest id is not behind the given one. */
  #childOf(inner: number, id: StreamId): number {
    const words = this.#words(inner);
    const start = ((inner & 0x7fffff) << 1) + NODE_HEAD;
    let low = 1;
    let high = this.#get(inner, 0);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (id.compareWords(words, start + middle * CHILD_STRIDE) >= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The first slot of the leaf whose id is not before the given one. */
  #lowerBound(leaf: number, id: StreamId): number {
    const words = this.#words(leaf);
    let low = 0;
    let high = this.#get(leaf, 0);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (id.compareWords(words, this.#entryWord(leaf, middle)) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A cursor behind the last entry of its leaf moves to the next leaf; false if there is none. */
  #settle(tree: number): boolean {
    const leaf = this.#leaf;
    const count = this.#get(leaf, 0);
    if (this.#slot < count) return true;
    const height = this.#get(tree, HEIGHT);
    if (height === 0 || count === 0) return false;
    this.#descend(tree, this.#scratch.readWords(this.#words(leaf), this.#entryWord(leaf, count - 1)));
    let depth = height - 1;
    for (; depth >= 0; depth--) {
      if ((this.#pathChild[depth] as number) + 1 < this.#get(this.#pathNode[depth] as number, 0)) break;
    }
    if (depth < 0) return false;
    let node = this.#child(this.#pathNode[depth] as number, (this.#pathChild[depth] as number) + 1);
    for (depth++; depth < height; depth++) node = this.#child(node, 0);
    this.#leaf = node;
    this.#slot = 0;
    return true;
  }

  #createLeaf(entries: number): number {
    const leaf = this.#arena.allocate((NODE_HEAD + entries * this.#stride) * 4);
    this.#set(leaf, 0, 0);
    this.#set(leaf, CAPACITY, entries);
    return leaf;
  }

  #growOnlyLeaf(tree: number, leaf: number): number {
    const count = this.#get(leaf, 0);
    const grown = this.#createLeaf(Math.min(FULL_LEAF_ENTRIES, count * 2));
    this.#move(leaf, 0, grown, count, this.#stride);
    this.#arena.free(leaf);
    this.#set(tree, ROOT, grown);
    return grown;
  }

  /** Makes room in a full leaf by a new one behind it; gives the leaf that the cursor's slot now lies in. */
  #splitLeaf(tree: number, leaf: number, id: StreamId): number {
    const added = this.#createLeaf(FULL_LEAF_ENTRIES);
    const count = this.#get(leaf, 0);
    // At the right edge the old leaf stays full: ids come in ascending order nearly always.
    const isAppend = this.#slot === count && this.#isRightmost(tree);
    const half = isAppend ? count : count >>> 1;
    this.#move(leaf, half, added, count - half, this.#stride);
    const separator = isAppend ? id : this.#scratch.readWords(this.#words(added), this.#entryWord(added, 0));
    this.#addChild(tree, this.#get(tree, HEIGHT) - 1, leaf, added, separator);
    if (this.#slot < half || (this.#slot === half && !isAppend)) return leaf;
    this.#slot -= half;
    return added;
  }

  #isRightmost(tree: number): boolean {
    for (let depth = this.#get(tree, HEIGHT) - 1; depth >= 0; depth--) {
      if ((this.#pathChild[depth] as number) + 1 < this.#get(this.#pathNode[depth] as number, 0)) return false;
    }
    return true;
  }

  /** Enters a new right sibling of a node that was split into the parent at this depth. */
  #addChild(tree: number, depth: number, left: number, right: number, separator: StreamId): void {
    if (depth < 0) {
      const root = this.#createInner();
      this.#putChild(root, 0, separator, left);
      this.#putChild(root, 1, separator, right);
      this.#set(tree, ROOT, root);
      this.#set(tree, HEIGHT, this.#get(tree, HEIGHT) + 1);
      return;
    }
    const parent = this.#pathNode[depth] as number;
    const position = (this.#pathChild[depth] as number) + 1;
    const count = this.#get(parent, 0);
    if (count < INNER_CAPACITY) {
      this.#putChild(parent, position, separator, right);
      return;
    }
    const added = this.#createInner();
    const half = position === count ? count : count >>> 1;
    this.#move(parent, half, added, count - half, CHILD_STRIDE);
    if (position > half || half === count) this.#putChild(added, position - half, separator, right);
    else this.#putChild(parent, position, separator, right);
    const first = new StreamId().readWords(this.#words(added), ((added & 0x7fffff) << 1) + NODE_HEAD);
    this.#addChild(tree, depth - 1, parent, added, first);
  }

  #createInner(): number {
    const inner = this.#arena.allocate(INNER_BYTES);
    this.#set(inner, 0, 0);
    return inner;
  }

  #putChild(inner: number, position: number, separator: StreamId, child: number): void {
    this.#openGap(inner, position, CHILD_STRIDE);
    const at = ((inner & 0x7fffff) << 1) + NODE_HEAD + position * CHILD_STRIDE;
    separator.writeWords(this.#words(inner), at);
    this.#words(inner)[at + ID_WORDS] = child;
  }

  /** Takes a child out of the inner node at this depth of the path; a node that became empty goes too. */
  #dropChild(tree: number, depth: number, child: number): void {
    const inner = this.#pathNode[depth] as number;
    this.#closeGap(inner, child, CHILD_STRIDE);
    const count = this.#get(inner, 0);
    if (count === 0) {
      this.#arena.free(inner);
      if (depth > 0) this.#dropChild(tree, depth - 1, this.#pathChild[depth - 1] as number);
      else {
        this.#set(tree, ROOT, this.#createLeaf(FIRST_LEAF_ENTRIES));
        this.#set(tree, HEIGHT, 0);
      }
      return;
    }
    if (depth > 0 || count > 1) return;
    this.#set(tree, ROOT, this.#child(inner, 0));
    this.#set(tree, HEIGHT, this.#get(tree, HEIGHT) - 1);
    this.#arena.free(inner);
  }

  /** Moves the entries of the next leaf into this one where both together leave room. */
  #mergeRight(tree: number, depth: number, leaf: number, count: number): void {
    const parent = this.#pathNode[depth] as number;
    const position = (this.#pathChild[depth] as number) + 1;
    if (position >= this.#get(parent, 0)) return;
    const right = this.#child(parent, position);
    const moved = this.#get(right, 0);
    const capacity = this.#get(leaf, CAPACITY);
    if (count + moved > (capacity * 3) >>> 2) return;
    this.#move(right, 0, leaf, moved, this.#stride);
    this.#arena.free(right);
    this.#dropChild(tree, depth, position);
  }

  /** Moves `count` entries from a slot on to the end of another node. */
  #move(from: number, slot: number, to: number, count: number, stride: number): void {
    const source = ((from & 0x7fffff) << 1) + NODE_HEAD + slot * stride;
    const held = this.#get(to, 0);
    const target = ((to & 0x7fffff) << 1) + NODE_HEAD + held * stride;
    const words = this.#words(from);
    const other = this.#words(to);
    for (let k = count * stride - 1; k >= 0; k--) other[target + k] = words[source + k] as number;
    this.#set(to, 0, held + count);
    this.#set(from, 0, this.#get(from, 0) - count);
  }

  #openGap(node: number, slot: number, stride: number): void {
    const count = this.#get(node, 0);
    const start = ((node & 0x7fffff) << 1) + NODE_HEAD;
    if (slot < count) {
      this.#words(node).copyWithin(start + (slot + 1) * stride, start + slot * stride, start + count * stride);
    }
    this.#set(node, 0, count + 1);
  }

  #closeGap(node: number, slot: number, stride: number): void {
    const count = this.#get(node, 0);
    const start = ((node & 0x7fffff) << 1) + NODE_HEAD;
    this.#words(node).copyWithin(start + slot * stride, start + (slot + 1) * stride, start + count * stride);
    this.#set(node, 0, count - 1);
  }
}
