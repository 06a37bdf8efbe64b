/**
 * A list value: one listpack while it is small, a quicklist beyond. A ListValue is a view: `open` it on the root and
 * encoding that a key's record holds, work, then store `root` and `encoding` back. It converts to a quicklist by
 * `growFor`, which the caller asks before pushing, and back to a listpack by `shrink` (at half the limit, so that a
 * list at the border does not flap). A cursor walks either form; editing through the view keeps the cursor good.
 */

import type { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import {
  appendToListpack,
  copyListpack,
  createListpack,
  deleteFromListpack,
  insertInListpack,
  LISTPACK_HEADER,
  listpackBytes,
  listpackCount,
  listpackEnd,
  nextPosition,
  previousPosition,
  readListpack,
  replaceInListpack,
  seekListpack,
} from "../memory/listpack.ts";
import { EncodedEntry } from "../memory/listpack-entry.ts";
import type { PackedRun } from "../memory/packed-run.ts";
import { type EncodingLimits, listBlockBytes, listBlockEntries } from "./encoding-limits.ts";
import { Quicklist } from "./quicklist.ts";
import { Encoding } from "./value-type.ts";

export class ListValue {
  root = 0;
  encoding: number = Encoding.listpack;
  readonly #arena: Arena;
  readonly #limits: EncodingLimits;
  readonly #quicklist: Quicklist;
  readonly #entry = new EncodedEntry();
  readonly #span = new ByteSpan();
  #position = 0;

  constructor(arena: Arena, limits: EncodingLimits) {
    this.#arena = arena;
    this.#limits = limits;
    this.#quicklist = new Quicklist(arena, limits);
  }

  open(root: number, encoding: number): void {
    this.root = root;
    this.encoding = encoding;
  }

  /** Opens the view on a new empty list, which the caller owns. */
  create(): void {
    this.root = createListpack(this.#arena);
    this.encoding = Encoding.listpack;
  }

  /** Opens the view on a copy of listpack bytes from a file, which were checked. */
  load(bytes: Buffer, offset: number, length: number): void {
    this.root = copyListpack(this.#arena, bytes, offset, length);
    this.encoding = Encoding.listpack;
  }

  get count(): number {
    return this.#isPacked() ? listpackCount(this.#arena, this.root) : this.#quicklist.count(this.root);
  }

  #isPacked(): boolean {
    return this.encoding === Encoding.listpack;
  }

  /** Converts to a quicklist if so many more bytes of values in so many entries would be too much for a listpack. */
  growFor(valueBytes: number, entries: number): void {
    if (!this.#isPacked()) return;
    const bytes = listpackBytes(this.#arena, this.root) + valueBytes;
    if (bytes <= listBlockBytes(this.#limits)) {
      const limit = listBlockEntries(this.#limits);
      if (limit === Number.POSITIVE_INFINITY || listpackCount(this.#arena, this.root) + entries <= limit) return;
    }
    const packed = this.root;
    this.root = this.#quicklist.fromListpack(packed);
    this.encoding = Encoding.quicklist;
    this.#arena.free(packed);
  }

  /** Converts a quicklist back once one block at half the limit holds it. Call after removing. */
  shrink(): void {
    if (this.#isPacked() || this.#quicklist.blockCount(this.root) !== 1) return;
    if (this.#quicklist.blockBytes(this.root, 0) > listBlockBytes(this.#limits) / 2) return;
    if (this.count > listBlockEntries(this.#limits) / 2) return;
    const list = this.root;
    const span = this.#span;
    this.#quicklist.sealBlock(list, 0, span);
    this.root = copyListpack(this.#arena, span.buffer, span.offset, span.length);
    this.encoding = Encoding.listpack;
    this.#quicklist.freeSome(list, 1);
  }

  pushHead(bytes: Buffer, offset: number, length: number): void {
    const entry = this.#entry;
    entry.encode(bytes, offset, length);
    if (this.#isPacked()) this.root = insertInListpack(this.#arena, this.root, LISTPACK_HEADER, entry);
    else this.root = this.#quicklist.pushHead(this.root, entry);
  }

  pushTail(bytes: Buffer, offset: number, length: number): void {
    const entry = this.#entry;
    entry.encode(bytes, offset, length);
    if (this.#isPacked()) this.root = appendToListpack(this.#arena, this.root, entry);
    else this.root = this.#quicklist.pushTail(this.root, entry);
  }

  /** Appends the entries of a listpack, at least one, as a block: makes a quicklist of any list. */
  appendBlock(bytes: Buffer, offset: number, length: number): void {
    this.growFor(Number.POSITIVE_INFINITY, 0);
    this.root = this.#quicklist.appendBlock(this.root, bytes, offset, length);
  }

  /** Removes so many entries at one end; there must be at least so many. */
  trimHead(entries: number): void {
    if (entries <= 0) return;
    if (this.#isPacked()) this.root = deleteFromListpack(this.#arena, this.root, LISTPACK_HEADER, entries);
    else this.#quicklist.trimHead(this.root, entries);
  }

  trimTail(entries: number): void {
    if (entries <= 0) return;
    if (this.#isPacked()) {
      const position = seekListpack(this.#arena, this.root, -entries);
      this.root = deleteFromListpack(this.#arena, this.root, position, entries);
    } else this.#quicklist.trimTail(this.root, entries);
  }

  /** Puts the cursor on the entry with this index, which must exist. */
  seek(index: number): void {
    if (this.#isPacked()) this.#position = seekListpack(this.#arena, this.root, index);
    else this.#quicklist.seek(this.root, index);
  }

  /** Points the span at the entry under the cursor, good until the list is edited. */
  read(span: ByteSpan): void {
    if (this.#isPacked()) readListpack(this.#arena, this.root, this.#position, span);
    else this.#quicklist.read(this.root, span);
  }

  /**
   * Points the run at the entries from the cursor to the end of its block, packed as they lie. After reading them
   * `nextRun` puts the cursor on the block behind, if there is one.
   */
  readRun(run: PackedRun): void {
    if (!this.#isPacked()) this.#quicklist.readRun(this.root, run);
    else run.set(this.#arena, this.root, this.#position, listpackEnd(this.#arena, this.root));
  }

  nextRun(): void {
    if (!this.#isPacked()) this.#quicklist.nextRun(this.root);
  }

  next(): void {
    if (this.#isPacked()) this.#position = nextPosition(this.#arena, this.root, this.#position);
    else this.#quicklist.next(this.root);
  }

  previous(): void {
    if (!this.#isPacked()) this.#quicklist.previous(this.root);
    else if (this.#position > LISTPACK_HEADER) {
      this.#position = previousPosition(this.#arena, this.root, this.#position);
    }
  }

  /** True if the entry under the cursor holds the value that was given to `encode`. */
  isAtCursor(entry: EncodedEntry): boolean {
    if (!this.#isPacked()) return this.#quicklist.isAtCursor(this.root, entry);
    const bytes = this.#arena.bytes[this.root >>> 23] as Buffer;
    const at = ((this.root & 0x7fffff) << 3) + this.#position;
    const size = nextPosition(this.#arena, this.root, this.#position) - this.#position;
    return size === entry.size && entry.isAt(bytes, at);
  }

  /** Inserts before the cursor, which then stands on the new entry. */
  insertAtCursor(bytes: Buffer, offset: number, length: number): void {
    const entry = this.#entry;
    entry.encode(bytes, offset, length);
    if (this.#isPacked()) this.root = insertInListpack(this.#arena, this.root, this.#position, entry);
    else this.root = this.#quicklist.insertAtCursor(this.root, entry);
  }

  replaceAtCursor(bytes: Buffer, offset: number, length: number): void {
    const entry = this.#entry;
    entry.encode(bytes, offset, length);
    if (this.#isPacked()) this.root = replaceInListpack(this.#arena, this.root, this.#position, entry);
    else this.root = this.#quicklist.replaceAtCursor(this.root, entry);
  }

  /** Removes the entry under the cursor, which then stands on the one behind it, if any. */
  deleteAtCursor(): void {
    if (this.#isPacked()) this.root = deleteFromListpack(this.#arena, this.root, this.#position, 1);
    else this.#quicklist.deleteAtCursor(this.root);
  }

  get blockCount(): number {
    return this.#isPacked() ? 1 : this.#quicklist.blockCount(this.root);
  }

  /** Points the span at a block as a whole listpack: what an RDB file holds. */
  readBlock(block: number, span: ByteSpan): void {
    if (!this.#isPacked()) this.#quicklist.sealBlock(this.root, block, span);
    else {
      const start = (this.root & 0x7fffff) << 3;
      span.set(this.#arena.bytes[this.root >>> 23] as Buffer, start, listpackEnd(this.#arena, this.root) + 1);
    }
  }

  /** Frees at most so many blocks; true when nothing is left. */
  freeSome(blocks: number): boolean {
    if (!this.#isPacked()) return this.#quicklist.freeSome(this.root, blocks);
    this.#arena.free(this.root);
    return true;
  }

  /** See Relocatable: some blocks a call. */
  relocate(position: number): number {
    if (position === 0) this.root = this.#arena.relocate(this.root);
    return this.#isPacked() ? 0 : this.#quicklist.relocate(this.root, position);
  }

  /** Bytes of the arena that the list takes. */
  memoryBytes(_samples: number): number {
    return this.#isPacked() ? this.#arena.capacityOf(this.root) : this.#quicklist.memoryBytes(this.root);
  }
}
