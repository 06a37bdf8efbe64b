/**
 * The ring of blocks under a long list: one arena block with i32 count of entries in all, ring capacity (a power of two),
 * first ring place, number of blocks; then for each ring place i32 block, head, tail, count of entries. Blocks are
 * numbered from 0 at the list's head. `place` gives the word of a block's place in the root; adding or removing a block
 * changes the places of others, adding may also move the root.
 */

import type { Arena } from "../memory/arena.ts";

const ROOT_WORDS = 4;
/** Words of a place of a list's block. */
const LIST_PLACE_WORDS = 4;
const CAPACITY = 1;
const FIRST = 2;
const FIRST_CAPACITY = 4;
/** 8 KiB each by default: some 50 µs. */
const BLOCKS_MOVED_AT_ONCE = 32;
/** Word of the root: number of blocks. Word 0 is the count of entries. */
export const BLOCKS = 3;
/** Words of a place behind its block's handle. */
export const HEAD = 1;
export const TAIL = 2;
export const ENTRIES = 3;

export class BlockRing {
  readonly #arena: Arena;
  readonly #placeWords: number;

  /** A place is a block's handle and words about it: three of a list's block, others elsewhere. */
  constructor(arena: Arena, placeWords = LIST_PLACE_WORDS) {
    this.#arena = arena;
    this.#placeWords = placeWords;
  }

  create(): number {
    return this.#allocate(FIRST_CAPACITY);
  }

  get(root: number, word: number): number {
    return (this.#arena.words[root >>> 23] as Int32Array)[((root & 0x7fffff) << 1) + word] as number;
  }

  set(root: number, word: number, value: number): void {
    (this.#arena.words[root >>> 23] as Int32Array)[((root & 0x7fffff) << 1) + word] = value;
  }

  place(root: number, block: number): number {
    const slot = (this.get(root, FIRST) + block) & (this.get(root, CAPACITY) - 1);
    return ROOT_WORDS + slot * this.#placeWords;
  }

  /** For hot paths: the memory that the root lies in, and there the word of a block's place. Good until a block is added. */
  words(root: number): Int32Array {
    return this.#arena.words[root >>> 23] as Int32Array;
  }

  wordOf(root: number, block: number): number {
    const words = this.#arena.words[root >>> 23] as Int32Array;
    const start = (root & 0x7fffff) << 1;
    const slot = ((words[start + FIRST] as number) + block) & ((words[start + CAPACITY] as number) - 1);
    return start + ROOT_WORDS + slot * this.#placeWords;
  }

  setPlace(root: number, place: number, block: number, head: number, tail: number, entries: number): void {
    this.set(root, place, block);
    this.set(root, place + HEAD, head);
    this.set(root, place + TAIL, tail);
    this.set(root, place + ENTRIES, entries);
  }

  /** Makes a place for a block with this number, which the caller fills in; returns the root. */
  insert(root: number, block: number): number {
    if (this.get(root, BLOCKS) === this.get(root, CAPACITY)) root = this.#grow(root);
    const blocks = this.get(root, BLOCKS);
    this.set(root, BLOCKS, blocks + 1);
    if (block * 2 < blocks) {
      this.set(root, FIRST, (this.get(root, FIRST) - 1) & (this.get(root, CAPACITY) - 1));
      for (let k = 0; k < block; k++) this.#copy(root, k + 1, root, k);
    } else for (let k = blocks; k > block; k--) this.#copy(root, k - 1, root, k);
    return root;
  }

  remove(root: number, block: number): void {
    const blocks = this.get(root, BLOCKS) - 1;
    if (block * 2 < blocks) {
      for (let k = block; k > 0; k--) this.#copy(root, k - 1, root, k);
      this.set(root, FIRST, (this.get(root, FIRST) + 1) & (this.get(root, CAPACITY) - 1));
    } else for (let k = block; k < blocks; k++) this.#copy(root, k + 1, root, k);
    this.set(root, BLOCKS, blocks);
  }

  /** Compaction: moves blocks from this one on, where their pages are to be emptied; gives the next block, 0 at the end. */
  relocate(root: number, block: number): number {
    const blocks = this.get(root, BLOCKS);
    const end = Math.min(blocks, block + BLOCKS_MOVED_AT_ONCE);
    for (; block < end; block++) {
      const place = this.place(root, block);
      this.set(root, place, this.#arena.relocate(this.get(root, place)));
    }
    return block >= blocks ? 0 : block;
  }

  #grow(root: number): number {
    const grown = this.#allocate(this.get(root, CAPACITY) * 2);
    const blocks = this.get(root, BLOCKS);
    this.set(grown, 0, this.get(root, 0));
    this.set(grown, BLOCKS, blocks);
    for (let k = 0; k < blocks; k++) this.#copy(root, k, grown, k);
    this.#arena.free(root);
    return grown;
  }

  #allocate(capacity: number): number {
    const root = this.#arena.allocate((ROOT_WORDS + capacity * this.#placeWords) * 4);
    this.set(root, 0, 0);
    this.set(root, CAPACITY, capacity);
    this.set(root, FIRST, 0);
    this.set(root, BLOCKS, 0);
    return root;
  }

  #copy(from: number, source: number, to: number, target: number): void {
    const sourcePlace = this.place(from, source);
    const targetPlace = this.place(to, target);
    for (let word = 0; word < this.#placeWords; word++)
      this.set(to, targetPlace + word, this.get(from, sourcePlace + word));
  }
}
