/**
 * A long list: a ring of blocks, each the inside of a listpack. The entries of a block occupy [head, tail) of it; the
 * listpack's header and end byte are virtual, there is room for both around the entries and `sealBlock` writes them when
 * a file needs them. So a push or pop at either end moves no other entry.
 * The ring's root (block-ring.ts) is the list's root; it may move when a block is added, so every operation that may add
 * one returns it. Blocks are never empty; a list that became empty is the caller's to free.
 * A Quicklist object serves any number of lists: it holds only a cursor (block number, position in it).
 */

import type { Arena } from "../memory/arena.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import { countEntries, LISTPACK_HEADER, listpackBytes, writeHeader } from "../memory/listpack.ts";
import { type EncodedEntry, LISTPACK_END, nextEntry, previousEntry, readEntry } from "../memory/listpack-entry.ts";
import type { PackedRun } from "../memory/packed-run.ts";
import { BLOCKS, BlockRing, ENTRIES, HEAD, TAIL } from "./block-ring.ts";
import { type EncodingLimits, listBlockBytes, listBlockEntries } from "./encoding-limits.ts";

/** Header in front of and end byte behind the entries. */
const OVERHEAD = LISTPACK_HEADER + 1;
const FIRST_COUNTED_BLOCK_BYTES = 64;

export class Quicklist {
  readonly #arena: Arena;
  readonly #limits: EncodingLimits;
  readonly #ring: BlockRing;
  #block = 0;
  #position = 0;

  constructor(arena: Arena, limits: EncodingLimits) {
    this.#arena = arena;
    this.#ring = new BlockRing(arena);
    this.#limits = limits;
  }

  create(): number {
    return this.#ring.create();
  }

  count(root: number): number {
    return this.#ring.get(root, 0);
  }

  blockCount(root: number): number {
    return this.#ring.get(root, BLOCKS);
  }

  /** Bytes of a block as a listpack would count them. */
  blockBytes(root: number, block: number): number {
    const place = this.#ring.place(root, block);
    return this.#ring.get(root, place + TAIL) - this.#ring.get(root, place + HEAD) + OVERHEAD;
  }

  blockEntries(root: number, block: number): number {
    return this.#ring.get(root, this.#ring.place(root, block) + ENTRIES);
  }

  pushHead(root: number, entry: EncodedEntry): number {
    const size = entry.size;
    if (this.#ring.get(root, BLOCKS) === 0 || !this.#hasRoomAtHead(root, size)) {
      root = this.#ring.insert(root, 0);
      this.#allocateBlock(root, 0, size, false);
    }
    const words = this.#ring.words(root);
    const at = this.#ring.wordOf(root, 0);
    const head = (words[at + HEAD] as number) - size;
    words[at + HEAD] = head;
    this.#write(root, words, at, head, entry);
    return root;
  }

  pushTail(root: number, entry: EncodedEntry): number {
    const size = entry.size;
    const last = this.#ring.get(root, BLOCKS) - 1;
    if (last < 0 || !this.#hasRoomAtTail(root, last, size)) {
      root = this.#ring.insert(root, last + 1);
      this.#allocateBlock(root, last + 1, size, true);
    }
    const words = this.#ring.words(root);
    const at = this.#ring.wordOf(root, this.#ring.get(root, BLOCKS) - 1);
    const tail = words[at + TAIL] as number;
    words[at + TAIL] = tail + size;
    this.#write(root, words, at, tail, entry);
    return root;
  }

  /** Appends a whole block, given as listpack bytes that have at least one entry. */
  appendBlock(root: number, bytes: Buffer, offset: number, length: number): number {
    const entries = countEntries(bytes, offset);
    const last = this.#ring.get(root, BLOCKS);
    root = this.#ring.insert(root, last);
    const place = this.#ring.place(root, last);
    const body = length - OVERHEAD;
    const capacity = Math.max(length, this.#firstCapacity());
    const block = this.#arena.allocate(capacity);
    bytes.copy(this.#bytes(block), this.#start(block) + LISTPACK_HEADER, offset + LISTPACK_HEADER, offset + length - 1);
    this.#ring.setPlace(root, place, block, LISTPACK_HEADER, LISTPACK_HEADER + body, entries);
    this.#ring.set(root, 0, this.count(root) + entries);
    return root;
  }

  /** A list of one block with the entries of a listpack; the listpack stays. */
  fromListpack(listpack: number): number {
    const root = this.create();
    const bytes = listpackBytes(this.#arena, listpack);
    if (bytes === OVERHEAD) return root;
    return this.appendBlock(root, this.#bytes(listpack), this.#start(listpack), bytes);
  }

  /** Writes header and end byte around a block's entries and points the span at the whole listpack. */
  sealBlock(root: number, block: number, span: ByteSpan): void {
    const place = this.#ring.place(root, block);
    const handle = this.#ring.get(root, place);
    const bytes = this.#bytes(handle);
    const start = this.#start(handle) + this.#ring.get(root, place + HEAD) - LISTPACK_HEADER;
    const size = this.blockBytes(root, block);
    writeHeader(bytes, start, size, this.#ring.get(root, place + ENTRIES));
    bytes[start + size - 1] = LISTPACK_END;
    span.set(bytes, start, size);
  }

  /** Puts the cursor on the entry with this index, which must exist. */
  seek(root: number, index: number): void {
    const blocks = this.#ring.get(root, BLOCKS);
    const total = this.count(root);
    let block: number;
    if (index * 2 < total) {
      block = 0;
      for (let held = this.blockEntries(root, 0); index >= held; held = this.blockEntries(root, block)) {
        index -= held;
        block++;
      }
    } else {
      let behind = total - index;
      block = blocks - 1;
      let held = this.blockEntries(root, block);
      for (; behind > held; held = this.blockEntries(root, block)) {
        behind -= held;
        block--;
      }
      index = held - behind;
    }
    this.#seekInBlock(root, block, index);
  }

  /** The entry under the cursor. */
  read(root: number, span: ByteSpan): void {
    const handle = this.#ring.get(root, this.#ring.place(root, this.#block));
    readEntry(this.#bytes(handle), this.#start(handle) + this.#position, span);
  }

  /** Points the run at the entries from the cursor to the end of its block. */
  readRun(root: number, run: PackedRun): void {
    const place = this.#ring.place(root, this.#block);
    run.set(this.#arena, this.#ring.get(root, place), this.#position, this.#ring.get(root, place + TAIL));
  }

  /** Puts the cursor at the head of the next block; the caller counts and does not read behind the last. */
  nextRun(root: number): void {
    if (this.#block + 1 >= this.#ring.get(root, BLOCKS)) return;
    this.#block++;
    this.#position = this.#ring.get(root, this.#ring.place(root, this.#block) + HEAD);
  }

  isAtCursor(root: number, entry: EncodedEntry): boolean {
    const handle = this.#ring.get(root, this.#ring.place(root, this.#block));
    const at = this.#start(handle) + this.#position;
    const bytes = this.#bytes(handle);
    return nextEntry(bytes, at) - at === entry.size && entry.isAt(bytes, at);
  }

  /** Steps the cursor; the caller counts and reads no further than the ends. */
  next(root: number): void {
    const place = this.#ring.place(root, this.#block);
    const handle = this.#ring.get(root, place);
    const start = this.#start(handle);
    this.#position = nextEntry(this.#bytes(handle), start + this.#position) - start;
    this.#normalise(root);
  }

  previous(root: number): void {
    let place = this.#ring.place(root, this.#block);
    if (this.#position === this.#ring.get(root, place + HEAD)) {
      if (this.#block === 0) return;
      this.#block--;
      place = this.#ring.place(root, this.#block);
      this.#position = this.#ring.get(root, place + TAIL);
    }
    const handle = this.#ring.get(root, place);
    const start = this.#start(handle);
    this.#position = previousEntry(this.#bytes(handle), start + this.#position) - start;
  }

  /** Removes the entry under the cursor, which then stands on the one behind it. */
  deleteAtCursor(root: number): void {
    const block = this.#block;
    const place = this.#ring.place(root, block);
    const handle = this.#ring.get(root, place);
    const bytes = this.#bytes(handle);
    const start = this.#start(handle);
    const head = this.#ring.get(root, place + HEAD);
    const tail = this.#ring.get(root, place + TAIL);
    const position = this.#position;
    const end = nextEntry(bytes, start + position) - start;
    this.#ring.set(root, 0, this.count(root) - 1);
    this.#ring.set(root, place + ENTRIES, this.#ring.get(root, place + ENTRIES) - 1);
    if (position === head) {
      this.#ring.set(root, place + HEAD, end);
      this.#position = end;
    } else {
      bytes.copyWithin(start + position, start + end, start + tail);
      this.#ring.set(root, place + TAIL, tail - (end - position));
    }
    if (this.#ring.get(root, place + ENTRIES) === 0) this.#removeBlock(root, block);
    else this.#shrinkInside(root, block);
    this.#normalise(root);
  }

  replaceAtCursor(root: number, entry: EncodedEntry): number {
    const handle = this.#ring.get(root, this.#ring.place(root, this.#block));
    const at = this.#start(handle) + this.#position;
    const bytes = this.#bytes(handle);
    if (nextEntry(bytes, at) - at === entry.size) {
      entry.write(bytes, at);
      return root;
    }
    const moved = this.insertAtCursor(root, entry);
    this.next(moved);
    this.deleteAtCursor(moved);
    return moved;
  }

  /** Inserts before the entry under the cursor, which then stands on the new one. */
  insertAtCursor(root: number, entry: EncodedEntry): number {
    const size = entry.size;
    const block = this.#block;
    const place = this.#ring.place(root, block);
    const head = this.#ring.get(root, place + HEAD);
    const tail = this.#ring.get(root, place + TAIL);
    const hasRoom =
      this.#ring.get(root, place + ENTRIES) < listBlockEntries(this.#limits) &&
      tail - head + size + OVERHEAD <= listBlockBytes(this.#limits);
    if (!hasRoom) return this.#insertBySplit(root, entry);
    const handle = this.#ring.get(root, place);
    if (tail + size + 1 <= this.#arena.capacityOf(handle)) {
      const start = this.#start(handle);
      this.#bytes(handle).copyWithin(start + this.#position + size, start + this.#position, start + tail);
      this.#ring.set(root, place + TAIL, tail + size);
    } else if (head - size >= LISTPACK_HEADER) {
      const start = this.#start(handle);
      this.#bytes(handle).copyWithin(start + head - size, start + head, start + this.#position);
      this.#ring.set(root, place + HEAD, head - size);
      this.#position -= size;
    } else {
      this.#enlarge(root, place, tail - head + size + OVERHEAD, false);
      return this.insertAtCursor(root, entry);
    }
    this.#write(root, this.#ring.words(root), this.#ring.wordOf(root, this.#block), this.#position, entry);
    return root;
  }

  /** Frees the blocks, at most this many in this call; true when the root is freed too. */
  freeSome(root: number, blocks: number): boolean {
    let left = this.#ring.get(root, BLOCKS);
    for (; blocks > 0 && left > 0; blocks--) this.#arena.free(this.#ring.get(root, this.#ring.place(root, --left)));
    this.#ring.set(root, BLOCKS, left);
    if (left > 0) return false;
    this.#arena.free(root);
    return true;
  }

  relocate(root: number, block: number): number {
    return this.#ring.relocate(root, block);
  }

  /** Size classes of root and blocks added up. */
  memoryBytes(root: number): number {
    let bytes = this.#arena.capacityOf(root);
    const blocks = this.#ring.get(root, BLOCKS);
    for (let k = 0; k < blocks; k++) bytes += this.#arena.capacityOf(this.#ring.get(root, this.#ring.place(root, k)));
    return bytes;
  }

  /** Drops entries at the front, by whole blocks where it can. The cursor stands nowhere afterwards. */
  trimHead(root: number, entries: number): void {
    const words = this.#ring.words(root);
    while (entries > 0) {
      const at = this.#ring.wordOf(root, 0);
      const held = words[at + ENTRIES] as number;
      const dropped = Math.min(held, entries);
      if (dropped === held) this.#removeBlock(root, 0);
      else {
        const bytes = this.#bytes(words[at] as number);
        const start = this.#start(words[at] as number);
        let position = start + (words[at + HEAD] as number);
        for (let k = 0; k < dropped; k++) position = nextEntry(bytes, position);
        words[at + HEAD] = position - start;
        words[at + ENTRIES] = held - dropped;
      }
      this.#ring.set(root, 0, this.count(root) - dropped);
      entries -= dropped;
    }
  }

  /** As trimHead, at the other end. */
  trimTail(root: number, entries: number): void {
    const words = this.#ring.words(root);
    while (entries > 0) {
      const last = this.#ring.get(root, BLOCKS) - 1;
      const at = this.#ring.wordOf(root, last);
      const held = words[at + ENTRIES] as number;
      const dropped = Math.min(held, entries);
      if (dropped === held) this.#removeBlock(root, last);
      else {
        const bytes = this.#bytes(words[at] as number);
        const start = this.#start(words[at] as number);
        let position = start + (words[at + TAIL] as number);
        for (let k = 0; k < dropped; k++) position = previousEntry(bytes, position);
        words[at + TAIL] = position - start;
        words[at + ENTRIES] = held - dropped;
      }
      this.#ring.set(root, 0, this.count(root) - dropped);
      entries -= dropped;
    }
  }

  #seekInBlock(root: number, block: number, index: number): void {
    const place = this.#ring.place(root, block);
    const handle = this.#ring.get(root, place);
    const bytes = this.#bytes(handle);
    const start = this.#start(handle);
    const entries = this.#ring.get(root, place + ENTRIES);
    let at: number;
    if (index * 2 <= entries) {
      at = start + this.#ring.get(root, place + HEAD);
      for (; index > 0; index--) at = nextEntry(bytes, at);
    } else {
      at = start + this.#ring.get(root, place + TAIL);
      for (let back = entries - index; back > 0; back--) at = previousEntry(bytes, at);
    }
    this.#block = block;
    this.#position = at - start;
  }

  /** A cursor at a block's tail moves on to the next block's head. */
  #normalise(root: number): void {
    if (this.#block >= this.#ring.get(root, BLOCKS)) return;
    if (this.#position < this.#ring.get(root, this.#ring.place(root, this.#block) + TAIL)) return;
    if (this.#block + 1 >= this.#ring.get(root, BLOCKS)) return;
    this.#block++;
    this.#position = this.#ring.get(root, this.#ring.place(root, this.#block) + HEAD);
  }

  #insertBySplit(root: number, entry: EncodedEntry): number {
    const arena = this.#arena;
    const block = this.#block;
    let place = this.#ring.place(root, block);
    const position = this.#position;
    if (position !== this.#ring.get(root, place + HEAD)) {
      root = this.#ring.insert(root, block + 1);
      place = this.#ring.place(root, block);
      const handle = this.#ring.get(root, place);
      const start = this.#start(handle);
      const tail = this.#ring.get(root, place + TAIL);
      const body = tail - position;
      const right = arena.allocate(Math.max(body + OVERHEAD, this.#firstCapacity()));
      const bytes = this.#bytes(handle);
      bytes.copy(this.#bytes(right), this.#start(right) + LISTPACK_HEADER, start + position, start + tail);
      let entries = 0;
      for (let at = start + position; at < start + tail; at = nextEntry(bytes, at)) entries++;
      this.#ring.setPlace(
        root,
        this.#ring.place(root, block + 1),
        right,
        LISTPACK_HEADER,
        LISTPACK_HEADER + body,
        entries,
      );
      this.#ring.set(root, place + TAIL, position);
      this.#ring.set(root, place + ENTRIES, this.#ring.get(root, place + ENTRIES) - entries);
      this.#block = block + 1;
    }
    // The cursor's entry now starts a block: the new one goes behind the block before it, or in a block of its own.
    const before = this.#block - 1;
    if (before < 0 || !this.#hasRoomAtTail(root, before, entry.size)) {
      root = this.#ring.insert(root, this.#block);
      this.#allocateBlock(root, this.#block, entry.size, true);
    } else this.#block = before;
    place = this.#ring.place(root, this.#block);
    const tail = this.#ring.get(root, place + TAIL);
    this.#write(root, this.#ring.words(root), this.#ring.wordOf(root, this.#block), tail, entry);
    this.#ring.set(root, place + TAIL, tail + entry.size);
    this.#position = tail;
    return root;
  }

  #hasRoomAtHead(root: number, size: number): boolean {
    const words = this.#ring.words(root);
    const at = this.#ring.wordOf(root, 0);
    const head = words[at + HEAD] as number;
    const used = (words[at + TAIL] as number) - head + OVERHEAD;
    if (!this.#isBelowLimits(words[at + ENTRIES] as number, used + size)) return false;
    if (head - size < LISTPACK_HEADER) this.#enlarge(root, this.#ring.place(root, 0), used + size, true);
    return true;
  }

  #hasRoomAtTail(root: number, block: number, size: number): boolean {
    const words = this.#ring.words(root);
    const at = this.#ring.wordOf(root, block);
    const tail = words[at + TAIL] as number;
    const used = tail - (words[at + HEAD] as number) + OVERHEAD;
    if (!this.#isBelowLimits(words[at + ENTRIES] as number, used + size)) return false;
    if (tail + size + 1 > this.#arena.capacityOf(words[at] as number))
      this.#enlarge(root, this.#ring.place(root, block), used + size, false);
    return true;
  }

  /** Whether a block of so many entries may have one more, and be of so many bytes then. */
  #isBelowLimits(entries: number, sizeBytes: number): boolean {
    return entries < listBlockEntries(this.#limits) && sizeBytes <= listBlockBytes(this.#limits);
  }

  /** Makes a block hold this many bytes, all free room on one side; its memory grows only if it has to. */
  #enlarge(root: number, place: number, needed: number, roomAtHead: boolean): void {
    const arena = this.#arena;
    const handle = this.#ring.get(root, place);
    const head = this.#ring.get(root, place + HEAD);
    const body = this.#ring.get(root, place + TAIL) - head;
    const capacity = arena.capacityOf(handle);
    let target = handle;
    if (needed > capacity)
      target = arena.allocate(Math.max(needed, Math.min(capacity * 2, listBlockBytes(this.#limits))));
    const newHead = roomAtHead ? arena.capacityOf(target) - 1 - body : LISTPACK_HEADER;
    const from = this.#start(handle) + head;
    const to = this.#start(target) + newHead;
    if (target === handle) this.#bytes(handle).copyWithin(to, from, from + body);
    else {
      this.#bytes(handle).copy(this.#bytes(target), to, from, from + body);
      arena.free(handle);
    }
    if (this.#ring.place(root, this.#block) === place) this.#position += newHead - head;
    this.#ring.setPlace(root, place, target, newHead, newHead + body, this.#ring.get(root, place + ENTRIES));
  }

  /** Blocks between the ends give memory back when half of it is unused. */
  #shrinkInside(root: number, block: number): void {
    if (block === 0 || block === this.#ring.get(root, BLOCKS) - 1) return;
    const place = this.#ring.place(root, block);
    const handle = this.#ring.get(root, place);
    const used = this.blockBytes(root, block);
    if (used > this.#arena.capacityOf(handle) >>> 1) return;
    const head = this.#ring.get(root, place + HEAD);
    const from = this.#start(handle) + head;
    const body = used - OVERHEAD;
    this.#bytes(handle).copyWithin(this.#start(handle) + LISTPACK_HEADER, from, from + body);
    const moved = this.#arena.reallocate(handle, used, used);
    this.#ring.setPlace(
      root,
      place,
      moved,
      LISTPACK_HEADER,
      LISTPACK_HEADER + body,
      this.#ring.get(root, place + ENTRIES),
    );
    this.#position += LISTPACK_HEADER - head;
  }

  #firstCapacity(): number {
    return this.#limits.listMaxListpackSize < 0 ? listBlockBytes(this.#limits) : FIRST_COUNTED_BLOCK_BYTES;
  }

  #allocateBlock(root: number, block: number, size: number, fromFront: boolean): void {
    const handle = this.#arena.allocate(Math.max(this.#firstCapacity(), size + OVERHEAD));
    const at = fromFront ? LISTPACK_HEADER : this.#arena.capacityOf(handle) - 1;
    this.#ring.setPlace(root, this.#ring.place(root, block), handle, at, at, 0);
  }

  #removeBlock(root: number, block: number): void {
    this.#arena.free(this.#ring.get(root, this.#ring.place(root, block)));
    this.#ring.remove(root, block);
    if (this.#block !== block || block >= this.#ring.get(root, BLOCKS)) return;
    this.#position = this.#ring.get(root, this.#ring.place(root, block) + HEAD);
  }

  /** Writes an entry into the block whose place is at this word, and counts it. */
  #write(root: number, words: Int32Array, at: number, position: number, entry: EncodedEntry): void {
    const handle = words[at] as number;
    entry.write(this.#bytes(handle), this.#start(handle) + position);
    words[at + ENTRIES] = (words[at + ENTRIES] as number) + 1;
    const count = (root & 0x7fffff) << 1;
    words[count] = (words[count] as number) + 1;
  }

  #bytes(handle: number): Buffer {
    return this.#arena.bytes[handle >>> 23] as Buffer;
  }

  #start(handle: number): number {
    return (handle & 0x7fffff) << 3;
  }
}
