/**
 * Which pages of the chunks are free: one bitmap of 1024 bits a chunk, first fit from the lowest chunk, so that the
 * upper chunks drain and can be dropped. Holds no memory itself; the arena owns the buffers.
 */

import { CHUNK_OF_PAGE_SHIFT, MAX_CHUNKS, PAGES_PER_CHUNK } from "./arena-layout.ts";

const WORDS_PER_CHUNK = PAGES_PER_CHUNK / 32;
const ALL_FREE = -1;

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
