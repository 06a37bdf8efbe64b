/**
 * All data of the server: blocks of bytes in 64 MiB chunks outside the collected heap, named by integer handles.
 *
 * Small blocks (to 32 KiB) lie in 64 KiB pages of one size class and one kind, each with an intrusive free list; pages with
 * room are linked a bin. Larger ones are runs of whole pages; above 64 MiB a block has a chunk of its own. Page 0 is never
 * handed out, so no handle is 0. Empty chunks are dropped but one.
 *
 * A snapshot sees every record as it was at its beginning: before the first allocation, free or `touch` in a 4 KiB block of
 * records that it has not visited, its visitor is called with that block. A record belongs to the block it starts in.
 * The arena knows records only as "blocks in pages of a record kind": a free one starts with FREE_MARK, and whoever
 * allocates one fills it before anything can walk the page.
 *
 * Pages can be told to leave (arena-compaction.ts): nothing is allocated there any more, `relocate` moves what is there.
 */

import { copyBytes } from "./arena-bytes.ts";
import {
  BIN_CLASS_MASK,
  BIN_COUNT,
  BIN_KIND_SHIFT,
  BLOCK_SHIFT,
  BLOCKS_PER_PAGE_SHIFT,
  CHUNK_BYTES,
  CHUNK_OF_PAGE_SHIFT,
  CHUNK_SHIFT,
  CLASS_CAPACITY,
  CLASS_GRANULES,
  CLASS_OF_GRANULES,
  FREE_MARK,
  FREE_PAGE,
  GRANULE_BYTES,
  GRANULE_MASK,
  type Handle,
  MAX_ALLOCATION_BYTES,
  MAX_CHUNKS,
  MAX_CLASS_BYTES,
  NODE,
  OWN_CHUNK_CLASS,
  PAGE_BYTES,
  PAGE_GRANULES,
  PAGE_SHIFT,
  PAGES_PER_CHUNK,
  type PageKind,
  RUN_CLASS,
  RUN_TAIL_CLASS,
} from "./arena-layout.ts";
import { FreePages, PagesByKind } from "./arena-pages.ts";
import { type ChunkMemory, EngineMemory, OutOfMemoryError } from "./chunk-memory.ts";
import type { SnapshotVisitor } from "./snapshot-visitor.ts";

/** Larger runs of pages stay where they are: a copy would take longer than a slice. */
export const MAX_MOVED_BYTES = 1024 * 1024;

const PAGE_COUNT = MAX_CHUNKS * PAGES_PER_CHUNK;
const BLOCK_COUNT = PAGE_COUNT << BLOCKS_PER_PAGE_SHIFT;
const NO_SPARE = -1;
const NO_MEMORY = new ArrayBuffer(0);

export class Arena {
  /** Four views of each chunk; a dropped chunk has views of length 0. */
  readonly bytes: Buffer[] = [];
  /** For moving eight bytes at a time at any offset: three times as fast as a loop over bytes. */
  readonly wide: DataView[] = [];
  readonly words: Int32Array[] = [];
  readonly doubles: Float64Array[] = [];

  /** Blocks that compaction has given another place. */
  movedBlocks = 0;

  // Page tables at full size: memory that was never written costs nothing.
  readonly #pageBin = new Uint16Array(PAGE_COUNT);
  readonly #pageFree = new Int32Array(PAGE_COUNT);
  readonly #pageBump = new Int32Array(PAGE_COUNT);
  readonly #pageLive = new Uint16Array(PAGE_COUNT);
  readonly #pageNext = new Int32Array(PAGE_COUNT);
  readonly #pagePrevious = new Int32Array(PAGE_COUNT);
  readonly #binHead = new Int32Array(BIN_COUNT);
  readonly #freePages = new FreePages();
  readonly #kindPages = new PagesByKind();
  readonly #isLeaving = new Uint8Array(PAGE_COUNT);
  readonly #memory: ChunkMemory;

  #usedGranules = 0;
  #usedPages = 0;
  #ownChunkBytes = 0;
  #chunkCount = 0;
  #spareChunk = NO_SPARE;
  #snapshot: SnapshotVisitor | null = null;
  #epoch = 0;
  /** The epoch in which a block was last visited. Made with the first snapshot. */
  #blockEpoch = new Int32Array(0);

  constructor(memory: ChunkMemory = new EngineMemory()) {
    this.#memory = memory;
    this.#addChunk();
    this.#freePages.take(0);
  }

  /** Live bytes, each block counted by its class. */
  get usedBytes(): number {
    return this.#usedGranules * GRANULE_BYTES;
  }

  /** Bytes of the pages and own chunks that are handed out: what the process holds for data, fragmentation included. */
  get residentBytes(): number {
    return this.#usedPages * PAGE_BYTES + this.#ownChunkBytes;
  }

  /** Bytes taken from the system, free pages included. */
  get mappedBytes(): number {
    return this.#chunkCount * CHUNK_BYTES + this.#ownChunkBytes;
  }

  /** A block of at least `sizeBytes` with undefined contents. */
  allocate(sizeBytes: number, kind: PageKind = NODE): Handle {
    if (sizeBytes > MAX_CLASS_BYTES) return this.#allocateLarge(sizeBytes, kind);
    const sizeClass = CLASS_OF_GRANULES[(sizeBytes + 7) >>> 3] as number;
    const bin = (kind << BIN_KIND_SHIFT) | sizeClass;
    let page = this.#binHead[bin] as number;
    if (page === 0) page = this.#openPage(bin);
    const granules = CLASS_GRANULES[sizeClass] as number;
    let handle = this.#pageFree[page] as number;
    const reused = handle !== 0;
    if (!reused) handle = this.#pageBump[page] as number;
    // Before the bump pointer moves: the visitor must not take the new block for a record.
    if (kind !== NODE) this.touch(handle);
    if (reused) {
      this.#pageFree[page] = (this.words[handle >>> CHUNK_SHIFT] as Int32Array)[
        ((handle & GRANULE_MASK) << 1) + 1
      ] as number;
    } else {
      this.#pageBump[page] = handle + granules;
    }
    const live = (this.#pageLive[page] as number) + 1;
    this.#pageLive[page] = live;
    if (live === CLASS_CAPACITY[sizeClass]) this.#unlink(page, bin);
    this.#usedGranules += granules;
    return handle;
  }

  free(handle: Handle): void {
    const page = handle >>> PAGE_SHIFT;
    const bin = this.#pageBin[page] as number;
    if (bin >>> BIN_KIND_SHIFT !== NODE) this.touch(handle);
    const sizeClass = bin & BIN_CLASS_MASK;
    if (sizeClass >= RUN_CLASS) {
      this.#freeLarge(page, bin);
      return;
    }
    const words = this.words[handle >>> CHUNK_SHIFT] as Int32Array;
    const word = (handle & GRANULE_MASK) << 1;
    words[word] = FREE_MARK;
    words[word + 1] = this.#pageFree[page] as number;
    this.#pageFree[page] = handle;
    this.#usedGranules -= CLASS_GRANULES[sizeClass] as number;
    const live = (this.#pageLive[page] as number) - 1;
    this.#pageLive[page] = live;
    if (live + 1 === CLASS_CAPACITY[sizeClass] && this.#isLeaving[page] === 0) this.#link(page, bin);
    // The only open page of a bin stays, or a lone block allocated and freed in turn would open a page each time.
    if (live === 0 && (this.#binHead[bin] !== page || this.#pageNext[page] !== 0)) {
      if (this.#isLeaving[page] === 0) this.#unlink(page, bin);
      this.#closePages(page, 1, bin >>> BIN_KIND_SHIFT);
    }
  }

  /** Whether the block should get another place. */
  isLeaving(handle: Handle): boolean {
    return this.#isLeaving[handle >>> PAGE_SHIFT] !== 0;
  }

  /** The block's new place if it is in a page that is to leave, else the same handle. The old place is free then. */
  relocate(handle: Handle): Handle {
    if (this.#isLeaving[handle >>> PAGE_SHIFT] === 0) return handle;
    const moved = this.duplicate(handle);
    this.free(handle);
    return moved;
  }

  /** Another block with the same content, for who must rewrite several owners before the old one is free. */
  duplicate(handle: Handle): Handle {
    const size = this.capacityOf(handle);
    this.movedBlocks++;
    return this.#copy(handle, size, size);
  }

  /** From now on nothing is allocated in the page. An empty one is free at once. */
  leave(page: number): void {
    const bin = this.#pageBin[page] as number;
    if (this.#isLeaving[page] !== 0 || (bin & BIN_CLASS_MASK) === FREE_PAGE) return;
    if (this.#hasRoom(page)) this.#unlink(page, bin);
    if ((bin & BIN_CLASS_MASK) < RUN_CLASS && this.#pageLive[page] === 0) {
      this.#closePages(page, 1, bin >>> BIN_KIND_SHIFT);
    } else this.#isLeaving[page] = 1;
  }

  /** Takes `leave` back. */
  stay(page: number): void {
    if (this.#isLeaving[page] === 0) return;
    this.#isLeaving[page] = 0;
    if (this.#hasRoom(page)) this.#link(page, this.#pageBin[page] as number);
  }

  /** Kind and size class of a page; class 0: free, or not there. */
  binOf(page: number): number {
    return this.#pageBin[page] as number;
  }

  /** Live blocks of a page of small blocks; of a run its number of pages. */
  fillOf(page: number): number {
    const sizeClass = (this.#pageBin[page] as number) & BIN_CLASS_MASK;
    return (sizeClass >= RUN_CLASS ? this.#pageBump[page] : this.#pageLive[page]) as number;
  }

  /** Free pages of a chunk of pages; -1 where there is none. */
  freePagesOf(chunk: number): number {
    return this.bytes[chunk]?.length === CHUNK_BYTES ? this.#freePages.freeCountOf(chunk) : -1;
  }

  /** The bytes that the block of this handle can hold. */
  capacityOf(handle: Handle): number {
    const page = handle >>> PAGE_SHIFT;
    const sizeClass = (this.#pageBin[page] as number) & BIN_CLASS_MASK;
    if (sizeClass === RUN_CLASS) return (this.#pageBump[page] as number) * PAGE_BYTES;
    if (sizeClass === OWN_CHUNK_CLASS) return (this.bytes[handle >>> CHUNK_SHIFT] as Buffer).length;
    return (CLASS_GRANULES[sizeClass] as number) * GRANULE_BYTES;
  }

  /** Whether a block of this size would be of the same class, so that a change of size can be done in place without waste. */
  isSameClass(handle: Handle, sizeBytes: number): boolean {
    const page = handle >>> PAGE_SHIFT;
    const sizeClass = (this.#pageBin[page] as number) & BIN_CLASS_MASK;
    if (sizeBytes <= MAX_CLASS_BYTES) return sizeClass === CLASS_OF_GRANULES[(sizeBytes + 7) >>> 3];
    if (sizeClass === RUN_CLASS) return Math.ceil(sizeBytes / PAGE_BYTES) === this.#pageBump[page];
    return (
      sizeClass === OWN_CHUNK_CLASS && sizeBytes > CHUNK_BYTES && this.capacityOf(handle) === roundToPage(sizeBytes)
    );
  }

  kindOf(handle: Handle): PageKind {
    return ((this.#pageBin[handle >>> PAGE_SHIFT] as number) >>> BIN_KIND_SHIFT) as PageKind;
  }

  /** A block of the new size with the first `usedBytes` kept: the same handle where its class allows. */
  reallocate(handle: Handle, usedBytes: number, newSizeBytes: number): Handle {
    if (this.isSameClass(handle, newSizeBytes)) return handle;
    const moved = this.#copy(handle, Math.min(usedBytes, newSizeBytes), newSizeBytes);
    this.free(handle);
    return moved;
  }

  /** Must come before any change to a record in place. */
  touch(handle: Handle): void {
    if (this.#snapshot !== null) this.visitBlock(handle >>> BLOCK_SHIFT, handle);
  }

  get isSnapshotRunning(): boolean {
    return this.#snapshot !== null;
  }

  /** Starts a cut at this moment. The walker then calls `visitBlock` for every block of every record page. */
  beginSnapshot(visitor: SnapshotVisitor): void {
    if (this.#blockEpoch.length === 0) this.#blockEpoch = new Int32Array(BLOCK_COUNT);
    this.#epoch++;
    this.#snapshot = visitor;
  }

  endSnapshot(): void {
    this.#snapshot = null;
  }

  /** Calls the visitor with this block unless it was visited since the snapshot began. */
  visitBlock(block: number, touched: Handle = 0): void {
    if (this.isVisited(block) || this.#snapshot === null) return;
    this.#blockEpoch[block] = this.#epoch;
    if (!this.#snapshot.block(block, touched)) this.#blockEpoch[block] = this.#epoch - 1;
  }

  /** What was yet to be written of this block has been. */
  markVisited(block: number): void {
    this.#blockEpoch[block] = this.#epoch;
  }

  /** Whether the running snapshot has all of this block. */
  isVisited(block: number): boolean {
    return this.#blockEpoch[block] === this.#epoch;
  }

  /** Page numbers run from 0 to this, exclusive. */
  get pageEnd(): number {
    return this.bytes.length << CHUNK_OF_PAGE_SHIFT;
  }

  /** Whether records start in this page: the rest of a run is no page of records. */
  isRecordPage(page: number): boolean {
    const bin = this.#pageBin[page] as number;
    return bin >>> BIN_KIND_SHIFT !== NODE && (bin & BIN_CLASS_MASK) !== RUN_TAIL_CLASS;
  }

  pageCountOf(kind: PageKind): number {
    return this.#kindPages.count(kind);
  }

  /** The page at this place of the list of its kind. Places change when pages come and go: sweep from the last place down. */
  pageOfKind(kind: PageKind, position: number): number {
    return this.#kindPages.at(kind, position);
  }

  /** Handles of a page: from `page << 13` in steps of this up to `pageLimit`. */
  pageStride(page: number): number {
    const sizeClass = (this.#pageBin[page] as number) & BIN_CLASS_MASK;
    return sizeClass >= RUN_CLASS ? PAGE_GRANULES : (CLASS_GRANULES[sizeClass] as number);
  }

  /** The handle after the last block that was ever handed out in this page. */
  pageLimit(page: number): Handle {
    const sizeClass = (this.#pageBin[page] as number) & BIN_CLASS_MASK;
    if (sizeClass === FREE_PAGE || sizeClass === RUN_TAIL_CLASS) return page << PAGE_SHIFT;
    return sizeClass >= RUN_CLASS ? (page << PAGE_SHIFT) + 1 : (this.#pageBump[page] as number);
  }

  isLive(handle: Handle): boolean {
    return (this.words[handle >>> CHUNK_SHIFT] as Int32Array)[(handle & GRANULE_MASK) << 1] !== FREE_MARK;
  }

  #copy(handle: Handle, usedBytes: number, sizeBytes: number): Handle {
    const copy = this.allocate(sizeBytes, this.kindOf(handle));
    const from = (handle & GRANULE_MASK) << 3;
    const target = this.bytes[copy >>> CHUNK_SHIFT] as Buffer;
    copyBytes(target, (copy & GRANULE_MASK) << 3, this.bytes[handle >>> CHUNK_SHIFT] as Buffer, from, usedBytes);
    return copy;
  }

  #hasRoom(page: number): boolean {
    const sizeClass = (this.#pageBin[page] as number) & BIN_CLASS_MASK;
    return sizeClass < RUN_CLASS && (this.#pageLive[page] as number) < (CLASS_CAPACITY[sizeClass] as number);
  }

  #openPage(bin: number): number {
    let page = this.#freePages.takeOne();
    if (page === -1) {
      this.#addChunk();
      page = this.#freePages.takeOne();
    }
    this.#usedPages++;
    this.#pageFree[page] = 0;
    this.#pageBump[page] = page << PAGE_SHIFT;
    this.#pageLive[page] = 0;
    this.#enterPage(page, bin);
    this.#link(page, bin);
    return page;
  }

  /** A page that is new in a snapshot has nothing to save: its old bytes must not be read as records. */
  #enterPage(page: number, bin: number): void {
    this.#pageBin[page] = bin;
    if (this.#snapshot !== null) {
      this.#blockEpoch.fill(this.#epoch, page << BLOCKS_PER_PAGE_SHIFT, (page + 1) << BLOCKS_PER_PAGE_SHIFT);
    }
    this.#kindPages.enter(bin >>> BIN_KIND_SHIFT, page);
  }

  #closePages(first: number, count: number, kind: number): void {
    this.#kindPages.leave(kind, first);
    this.#pageBin.fill(FREE_PAGE, first, first + count);
    this.#isLeaving[first] = 0;
    if ((this.bytes[first >>> CHUNK_OF_PAGE_SHIFT] as Buffer).length !== CHUNK_BYTES) return;
    this.#usedPages -= count;
    this.#freePages.release(first, count);
    this.#dropIfEmpty(first >>> CHUNK_OF_PAGE_SHIFT);
  }

  #link(page: number, bin: number): void {
    const head = this.#binHead[bin] as number;
    this.#pageNext[page] = head;
    this.#pagePrevious[page] = 0;
    if (head !== 0) this.#pagePrevious[head] = page;
    this.#binHead[bin] = page;
  }

  #unlink(page: number, bin: number): void {
    const next = this.#pageNext[page] as number;
    const previous = this.#pagePrevious[page] as number;
    if (previous !== 0) this.#pageNext[previous] = next;
    else this.#binHead[bin] = next;
    if (next !== 0) this.#pagePrevious[next] = previous;
  }

  #allocateLarge(sizeBytes: number, kind: PageKind): Handle {
    if (sizeBytes > MAX_ALLOCATION_BYTES) throw new OutOfMemoryError(`Cannot allocate ${sizeBytes} bytes in one block`);
    if (sizeBytes > CHUNK_BYTES) return this.#allocateChunk(sizeBytes, kind);
    const count = Math.ceil(sizeBytes / PAGE_BYTES);
    let page = this.#freePages.takeRun(count);
    if (page === -1) {
      // Not into chunk 0, which is one page short of the longest run.
      this.#addChunk();
      page = this.#freePages.takeRun(count);
    }
    this.#usedPages += count;
    this.#usedGranules += count * PAGE_GRANULES;
    this.#pageBin.fill((kind << BIN_KIND_SHIFT) | RUN_TAIL_CLASS, page, page + count);
    this.#pageBump[page] = count;
    this.#enterPage(page, (kind << BIN_KIND_SHIFT) | RUN_CLASS);
    return page << PAGE_SHIFT;
  }

  #allocateChunk(sizeBytes: number, kind: PageKind): Handle {
    const chunk = this.#unusedChunk();
    const length = roundToPage(sizeBytes);
    this.#setViews(chunk, this.#takeMemory(length), length);
    this.#ownChunkBytes += length;
    this.#usedGranules += length / GRANULE_BYTES;
    this.#enterPage(chunk << CHUNK_OF_PAGE_SHIFT, (kind << BIN_KIND_SHIFT) | OWN_CHUNK_CLASS);
    return chunk << CHUNK_SHIFT;
  }

  #freeLarge(page: number, bin: number): void {
    const kind = bin >>> BIN_KIND_SHIFT;
    if ((bin & BIN_CLASS_MASK) === RUN_CLASS) {
      const count = this.#pageBump[page] as number;
      this.#usedGranules -= count * PAGE_GRANULES;
      this.#closePages(page, count, kind);
      return;
    }
    const chunk = page >>> CHUNK_OF_PAGE_SHIFT;
    const length = (this.bytes[chunk] as Buffer).length;
    this.#ownChunkBytes -= length;
    this.#usedGranules -= length / GRANULE_BYTES;
    this.#closePages(page, 1, kind);
    this.#dropChunk(chunk);
  }

  #addChunk(): void {
    const chunk = this.#unusedChunk();
    this.#setViews(chunk, this.#takeMemory(CHUNK_BYTES), CHUNK_BYTES);
    this.#chunkCount++;
    this.#freePages.addChunk(chunk);
  }

  #unusedChunk(): number {
    let chunk = 0;
    while (chunk < this.bytes.length && (this.bytes[chunk] as Buffer).length !== 0) chunk++;
    if (chunk === MAX_CHUNKS) throw new OutOfMemoryError("Cannot allocate memory: all 256 chunks of 64 MiB are in use");
    return chunk;
  }

  #takeMemory(bytes: number): ArrayBufferLike {
    const memory = this.#memory.take(bytes);
    if (memory === undefined) throw new OutOfMemoryError(`Cannot allocate memory: the system refused ${bytes} bytes`);
    return memory;
  }

  #setViews(chunk: number, memory: ArrayBufferLike, length: number): void {
    this.bytes[chunk] = Buffer.from(memory, 0, length);
    this.wide[chunk] = new DataView(memory, 0, length);
    this.words[chunk] = new Int32Array(memory, 0, length / Int32Array.BYTES_PER_ELEMENT);
    this.doubles[chunk] = new Float64Array(memory, 0, length / Float64Array.BYTES_PER_ELEMENT);
  }

  /** One empty chunk stays, so that a load at the boundary does not map and unmap memory all the time. Chunk 0 holds page 0 and stays. */
  #dropIfEmpty(chunk: number): void {
    if (chunk === 0 || this.#freePages.freeCountOf(chunk) !== PAGES_PER_CHUNK) return;
    const spare = this.#spareChunk;
    const isSpareEmpty = spare !== NO_SPARE && this.#freePages.freeCountOf(spare) === PAGES_PER_CHUNK;
    if (!isSpareEmpty || spare === chunk) {
      this.#spareChunk = chunk;
      return;
    }
    this.#freePages.removeChunk(chunk);
    this.#chunkCount--;
    this.#dropChunk(chunk);
  }

  /** Gives up the empty chunk that is kept in reserve. */
  dropSpare(): void {
    const spare = this.#spareChunk;
    this.#spareChunk = NO_SPARE;
    if (spare === NO_SPARE || this.freePagesOf(spare) !== PAGES_PER_CHUNK) return;
    this.#freePages.removeChunk(spare);
    this.#chunkCount--;
    this.#dropChunk(spare);
  }

  #dropChunk(chunk: number): void {
    const memory = (this.words[chunk] as Int32Array).buffer;
    this.#setViews(chunk, NO_MEMORY, 0);
    this.#memory.giveBack(memory);
  }
}

function roundToPage(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
}
