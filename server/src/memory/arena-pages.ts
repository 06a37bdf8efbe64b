/**
 * Lists of pages; the memory itself is the arena's. Which pages of the chunks are free: one bitmap of 1024 bits a chunk,
 * first fit from the lowest chunk, so that the upper chunks drain and can be dropped. Which pages hold a kind: a dense list,
 * for random pages and sweeps.
 */

import { CHUNK_OF_PAGE_SHIFT, MAX_CHUNKS, PAGES_PER_CHUNK } from "./arena-layout.ts";

const WORDS_PER_CHUNK = PAGES_PER_CHUNK / 32;
const ALL_FREE = -1;
const KINDS = 3;
const FIRST_PAGE_LIST = 16;

export class FreePages {
  /** A set bit is a free page. Chunks that do not exist have none. */
  readonly #bits = new Int32Array(MAX_CHUNKS * WORDS_PER_CHUNK);
  readonly #freeCount = new Int32Array(MAX_CHUNKS);
  /** No run longer than this is in the chunk; lowered by failed searches, reset when a page comes back. */
  readonly #longestRun = new Int32Array(MAX_CHUNKS);
  /** No chunk below this one has a free page. */
  #lowest = 0;
  #end = 0;

  addChunk(chunk: number): void {
    this.#bits.fill(ALL_FREE, chunk * WORDS_PER_CHUNK, (chunk + 1) * WORDS_PER_CHUNK);
    this.#freeCount[chunk] = PAGES_PER_CHUNK;
    this.#longestRun[chunk] = PAGES_PER_CHUNK;
    if (chunk < this.#lowest) this.#lowest = chunk;
    if (chunk >= this.#end) this.#end = chunk + 1;
  }

  removeChunk(chunk: number): void {
    this.#bits.fill(0, chunk * WORDS_PER_CHUNK, (chunk + 1) * WORDS_PER_CHUNK);
    this.#freeCount[chunk] = 0;
    this.#longestRun[chunk] = 0;
  }

  freeCountOf(chunk: number): number {
    return this.#freeCount[chunk] as number;
  }

  /** One free page, or -1. */
  takeOne(): number {
    while (this.#lowest < this.#end && this.#freeCount[this.#lowest] === 0) this.#lowest++;
    const chunk = this.#lowest;
    if (chunk >= this.#end) return -1;
    let word = chunk * WORDS_PER_CHUNK;
    while (this.#bits[word] === 0) word++;
    const bits = this.#bits[word] as number;
    const lowestBit = bits & -bits;
    this.#bits[word] = bits ^ lowestBit;
    this.#freeCount[chunk] = (this.#freeCount[chunk] as number) - 1;
    return word * 32 + 31 - Math.clz32(lowestBit);
  }

  /** The first of `count` free pages in a row inside one chunk, or -1. */
  takeRun(count: number): number {
    for (let chunk = this.#lowest; chunk < this.#end; chunk++) {
      if ((this.#freeCount[chunk] as number) < count || (this.#longestRun[chunk] as number) < count) continue;
      const first = this.#findRun(chunk, count);
      if (first !== -1) {
        for (let page = first; page < first + count; page++) this.#clear(page);
        this.#freeCount[chunk] = (this.#freeCount[chunk] as number) - count;
        return first;
      }
      this.#longestRun[chunk] = count - 1;
    }
    return -1;
  }

  /** Takes exactly this page, which must be free. */
  take(page: number): void {
    this.#clear(page);
    const chunk = page >>> CHUNK_OF_PAGE_SHIFT;
    this.#freeCount[chunk] = (this.#freeCount[chunk] as number) - 1;
  }

  release(first: number, count: number): void {
    const chunk = first >>> CHUNK_OF_PAGE_SHIFT;
    for (let page = first; page < first + count; page++) {
      this.#bits[page >>> 5] = (this.#bits[page >>> 5] as number) | (1 << (page & 31));
    }
    this.#freeCount[chunk] = (this.#freeCount[chunk] as number) + count;
    this.#longestRun[chunk] = PAGES_PER_CHUNK;
    if (chunk < this.#lowest) this.#lowest = chunk;
  }

  #clear(page: number): void {
    this.#bits[page >>> 5] = (this.#bits[page >>> 5] as number) & ~(1 << (page & 31));
  }

  #findRun(chunk: number, count: number): number {
    const end = (chunk + 1) << CHUNK_OF_PAGE_SHIFT;
    let start = chunk << CHUNK_OF_PAGE_SHIFT;
    for (let page = start; page < end; page++) {
      if (((this.#bits[page >>> 5] as number) & (1 << (page & 31))) === 0) {
        start = page + 1;
      } else if (page - start + 1 === count) {
        return start;
      }
    }
    return -1;
  }
}

/** The pages of each kind, and each page's place in its list. Runs of pages count by their first page. */
export class PagesByKind {
  readonly #pages: Int32Array[] = Array.from({ length: KINDS }, () => new Int32Array(FIRST_PAGE_LIST));
  readonly #count = new Int32Array(KINDS);
  /** At full size: memory that was never written costs nothing. */
  readonly #position = new Int32Array(MAX_CHUNKS * PAGES_PER_CHUNK);

  count(kind: number): number {
    return this.#count[kind] as number;
  }

  at(kind: number, position: number): number {
    return (this.#pages[kind] as Int32Array)[position] as number;
  }

  enter(kind: number, page: number): void {
    const position = this.#count[kind] as number;
    let pages = this.#pages[kind] as Int32Array;
    if (position === pages.length) {
      const wider = new Int32Array(position * 2);
      wider.set(pages);
      pages = wider;
      this.#pages[kind] = pages;
    }
    pages[position] = page;
    this.#position[page] = position;
    this.#count[kind] = position + 1;
  }

  /** The last page of the list takes its place. */
  leave(kind: number, page: number): void {
    const pages = this.#pages[kind] as Int32Array;
    const last = (this.#count[kind] as number) - 1;
    const moved = pages[last] as number;
    const position = this.#position[page] as number;
    pages[position] = moved;
    this.#position[moved] = position;
    this.#count[kind] = last;
  }
}
