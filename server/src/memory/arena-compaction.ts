/**
 * Chooses the pages that compaction is to empty, in two ways. Sparse pages: of each kind and size class so many that their
 * blocks fit into the room of its other pages, the emptiest first. Upper chunks: whole ones whose pages fit into the free
 * pages of the chunks below; only a chunk without any page goes back to the system. The blocks are moved by their owners.
 */

import { type Arena, MAX_MOVED_BYTES } from "./arena.ts";
import {
  BIN_CLASS_MASK,
  BIN_COUNT,
  CHUNK_OF_PAGE_SHIFT,
  CLASS_CAPACITY,
  FREE_PAGE,
  PAGE_BYTES,
  PAGE_SHIFT,
  PAGES_PER_CHUNK,
  RUN_CLASS,
  RUN_TAIL_CLASS,
} from "./arena-layout.ts";

/** Pages are told apart by eighths of their capacity. */
const FILL_SHIFT = 3;
const FILLS = 1 << FILL_SHIFT;
/** To empty pages that are three quarters full costs more copying than it gives room. */
const SPARSE_FILLS = 6;
const MAX_MOVED_PAGES = MAX_MOVED_BYTES / PAGE_BYTES;
/** Free pages that must be left below: the last page of each size class that moves is seldom filled to its end. */
const SPARE_PAGES = 64;

export class CompactionPlan {
  readonly #arena: Arena;
  readonly #pages = new Int32Array(BIN_COUNT << FILL_SHIFT);
  readonly #blocks = new Int32Array(BIN_COUNT);

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Marks sparse pages; gives their number. */
  markSparsePages(): number {
    const arena = this.#arena;
    this.#countPages();
    const leaving = this.#pagesToLeave();
    let marked = 0;
    for (let page = 1; page < arena.pageEnd; page++) {
      const at = this.#placeOf(page);
      if (at === -1 || (leaving[at] as number) === 0) continue;
      leaving[at] = (leaving[at] as number) - 1;
      arena.leave(page);
      marked++;
    }
    return marked;
  }

  /** Marks every page, so that all that is met moves: for tests. */
  markAllPages(): void {
    const arena = this.#arena;
    for (let page = 1; page < arena.pageEnd; page++) {
      const sizeClass = arena.binOf(page) & BIN_CLASS_MASK;
      if (sizeClass !== FREE_PAGE && sizeClass < RUN_CLASS) arena.leave(page);
    }
  }

  /** Marks all pages of chunks that can be emptied, from the upper end down; gives the number of chunks. */
  markUpperChunks(): number {
    const arena = this.#arena;
    let reserved = SPARE_PAGES;
    let marked = 0;
    for (let chunk = (arena.pageEnd >>> CHUNK_OF_PAGE_SHIFT) - 1; chunk > 0; chunk--) {
      const free = arena.freePagesOf(chunk);
      if (free === -1 || free === PAGES_PER_CHUNK) continue;
      const needed = PAGES_PER_CHUNK - free;
      if (reserved + needed > this.#freePagesBelow(chunk)) break;
      if (!this.#isMovable(chunk)) continue;
      this.#markChunk(chunk);
      reserved += needed;
      marked++;
    }
    return marked;
  }

  /** Pages that could not be emptied are used again. */
  unmark(): void {
    const arena = this.#arena;
    for (let page = 1; page < arena.pageEnd; page++) if (arena.isLeaving(page << PAGE_SHIFT)) arena.stay(page);
  }

  /** How many pages each size class has in each eighth, and how many blocks are in them. Full pages do not count. */
  #countPages(): void {
    const arena = this.#arena;
    this.#pages.fill(0);
    this.#blocks.fill(0);
    for (let page = 1; page < arena.pageEnd; page++) {
      const at = this.#placeOf(page);
      if (at === -1) continue;
      this.#pages[at] = (this.#pages[at] as number) + 1;
      const bin = at >>> FILL_SHIFT;
      this.#blocks[bin] = (this.#blocks[bin] as number) + arena.fillOf(page);
    }
  }

  /** For each size class and eighth, the number of pages to empty. */
  #pagesToLeave(): Int32Array {
    const leaving = new Int32Array(this.#pages.length);
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      const first = bin << FILL_SHIFT;
      let pages = 0;
      for (let fill = 0; fill < FILLS; fill++) pages += this.#pages[first + fill] as number;
      if (pages < 2) continue;
      let surplus = pages - Math.ceil((this.#blocks[bin] as number) / (CLASS_CAPACITY[bin & BIN_CLASS_MASK] as number));
      for (let fill = 0; fill < SPARSE_FILLS && surplus > 0; fill++) {
        const count = Math.min(surplus, this.#pages[first + fill] as number);
        leaving[first + fill] = count;
        surplus -= count;
      }
    }
    return leaving;
  }

  /** Where the tables count this page; -1 where it has no room, or is none of small blocks. */
  #placeOf(page: number): number {
    const bin = this.#arena.binOf(page);
    const sizeClass = bin & BIN_CLASS_MASK;
    if (sizeClass === FREE_PAGE || sizeClass >= RUN_CLASS) return -1;
    const capacity = CLASS_CAPACITY[sizeClass] as number;
    const fill = this.#arena.fillOf(page);
    return fill === capacity ? -1 : (bin << FILL_SHIFT) | Math.floor((fill * FILLS) / capacity);
  }

  #freePagesBelow(end: number): number {
    let free = 0;
    for (let chunk = 0; chunk < end; chunk++) free += Math.max(0, this.#arena.freePagesOf(chunk));
    return free;
  }

  #isMovable(chunk: number): boolean {
    const start = chunk << CHUNK_OF_PAGE_SHIFT;
    for (let page = start; page < start + PAGES_PER_CHUNK; page++) {
      const sizeClass = this.#arena.binOf(page) & BIN_CLASS_MASK;
      if (sizeClass === RUN_CLASS && this.#arena.fillOf(page) > MAX_MOVED_PAGES) return false;
    }
    return true;
  }

  #markChunk(chunk: number): void {
    const start = chunk << CHUNK_OF_PAGE_SHIFT;
    for (let page = start; page < start + PAGES_PER_CHUNK; page++) {
      if ((this.#arena.binOf(page) & BIN_CLASS_MASK) !== RUN_TAIL_CLASS) this.#arena.leave(page);
    }
  }
}
