/**
 * Hash tables in the arena by extendible hashing: a directory indexed by the upper bits of the hash names segments of 1,024
 * pairs (hash, handle); a full segment splits in two, so no table is ever rehashed as a whole. A small table is one
 * segment of 16 to 1,024 pairs without a directory. Sparse segments shrink and merge with their sibling again.
 *
 * A table is a handle to its root block: count, depth and size, directory or only segment, progress of `freeStep`. Nothing
 * on the collected heap belongs to a table; one Dictionary object serves all tables of a layout. Records belong to the
 * caller. A directory entry is a segment's handle with its prefix length (5 bits) and size (5 bits) in the low 10 bits,
 * which are zero in handles of blocks of 8 KiB and more.
 *
 * `find` remembers the place; `insertMissed`, `replaceFound` and `removeFound` use it and must follow at once, with no
 * other call to this object between. Hashes that collide on purpose cannot split a table for ever: where the directory
 * would grow out of proportion, the segment doubles instead.
 */

import type { Random } from "../platform/random.ts";
import type { Arena } from "./arena.ts";
import { CHUNK_SHIFT, GRANULE_MASK, type Handle } from "./arena-layout.ts";
import {
  BITS_SHIFT,
  DEPTH_MASK,
  growSegment,
  ROOT_BYTES,
  ROOT_COUNT,
  ROOT_PROGRESS,
  ROOT_SHAPE,
  ROOT_TARGET,
  relocateDirectory,
  relocateSegment,
  SEGMENT_MASK,
  type SegmentPlace,
  shrinkSegment,
} from "./dictionary-growth.ts";
import {
  type DictionaryLayout,
  RECORD_EXPIRY_SHIFT,
  RECORD_WIDE_KEY_FLAG,
  RECORD_WIDE_KEY_SHIFT,
} from "./dictionary-layout.ts";
import {
  bitsFor,
  createSegment,
  erasePair,
  FULL_SEGMENT_BITS,
  homeCount,
  homeSlot,
  MIN_SEGMENT_BITS,
  segmentCount,
  segmentLimit,
} from "./dictionary-segment.ts";
import { hashBytes } from "./hash.ts";

/** Draws before `random` falls back to counting: sparse tables have few pairs to hit. */
const RANDOM_DRAWS = 256;
/** Positions in a table, of scans and of compaction, are below this. */
export const HASH_SPACE = 2 ** 32;
const WIDE_KEY_LENGTH = 0xffff;
/** Of a cache line of 64 bytes. */
const PAIRS_PER_LINE = 8;

export class Dictionary {
  readonly #arena: Arena;
  readonly #seed0: number;
  readonly #seed1: number;
  readonly #lengthWord: number;
  readonly #lengthMask: number;
  readonly #keyByte: number;
  readonly #expiryBytes: number;
  readonly #wideKeyBytes: number;
  // The segment that #locate or find went to, and the slot that find stopped at.
  #segment = 0;
  #localDepth = 0;
  #bits = 0;
  #slot = 0;

  constructor(arena: Arena, layout: DictionaryLayout, seed0: number, seed1: number) {
    this.#arena = arena;
    this.#seed0 = seed0 | 0;
    this.#seed1 = seed1 | 0;
    this.#lengthWord = layout.lengthWord;
    this.#lengthMask = layout.lengthMask;
    this.#keyByte = layout.keyByte;
    this.#expiryBytes = layout.expiryBytes;
    this.#wideKeyBytes = layout.wideKeyBytes;
  }

  /** A new table with room for this many entries, at most one segment of them. */
  create(expectedCount = 0): Handle {
    const wanted = Math.min(expectedCount, 1 << FULL_SEGMENT_BITS);
    const bits = Math.min(bitsFor(wanted, MIN_SEGMENT_BITS), FULL_SEGMENT_BITS);
    const segment = createSegment(this.#arena, bits);
    const root = this.#arena.allocate(ROOT_BYTES);
    const words = this.#arena.words[root >>> CHUNK_SHIFT] as Int32Array;
    const at = (root & GRANULE_MASK) << 1;
    words[at + ROOT_COUNT] = 0;
    words[at + ROOT_SHAPE] = bits << BITS_SHIFT;
    words[at + ROOT_TARGET] = segment;
    words[at + ROOT_PROGRESS] = 0;
    return root;
  }

  count(root: Handle): number {
    return (this.#arena.words[root >>> CHUNK_SHIFT] as Int32Array)[((root & GRANULE_MASK) << 1) + ROOT_COUNT] as number;
  }

  hash(buffer: Buffer, offset: number, length: number): number {
    return hashBytes(buffer, offset, length, this.#seed0, this.#seed1);
  }

  /** The record with this key, or 0. */
  find(root: Handle, hash: number, buffer: Buffer, offset: number, length: number): Handle {
    this.#locate(root, hash);
    const bits = this.#bits;
    const last = (1 << bits) - 1;
    const words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
    const base = (this.#segment & GRANULE_MASK) << 1;
    let slot = homeSlot(hash, this.#localDepth, bits);
    for (;;) {
      const at = base + (slot << 1);
      const handle = words[at + 1] as number;
      if (handle === 0 || (words[at] === hash && this.#matches(handle, buffer, offset, length))) {
        this.#slot = slot;
        return handle;
      }
      slot = slot === last ? 1 : slot + 1;
    }
  }

  /**
   * Reads where these hashes belong, the cache line behind it, which probing often reaches, and the segment's count. The
   * processor does many such reads at a time, and one by one those of the lookups that follow: large tables are not in its
   * cache. The result means nothing; it keeps the reads from being left out.
   */
  warm(root: Handle, hashes: Int32Array, count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i] as number;
      this.#locate(root, hash);
      const words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
      const base = (this.#segment & GRANULE_MASK) << 1;
      const slot = homeSlot(hash, this.#localDepth, this.#bits);
      const beyond = (slot + PAIRS_PER_LINE) & ((1 << this.#bits) - 1);
      sum += (words[base] as number) + (words[base + (slot << 1)] as number) + (words[base + (beyond << 1)] as number);
      sum |= 0;
    }
    return sum;
  }

  /** Enters a record whose key is absent. */
  insert(root: Handle, hash: number, handle: Handle): void {
    this.#locate(root, hash);
    this.#seekEmpty(hash);
    this.insertMissed(root, hash, handle);
  }

  /** Enters a record right after `find` returned 0 for the same table and hash. */
  insertMissed(root: Handle, hash: number, handle: Handle): void {
    let words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
    let base = (this.#segment & GRANULE_MASK) << 1;
    while ((words[base] as number) >= segmentLimit(this.#segment, this.#bits)) {
      growSegment(this.#arena, root, hash, this.#place());
      this.#locate(root, hash);
      this.#seekEmpty(hash);
      words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
      base = (this.#segment & GRANULE_MASK) << 1;
    }
    const at = base + (this.#slot << 1);
    words[at] = hash;
    words[at + 1] = handle;
    words[base] = (words[base] as number) + 1;
    this.#addToCount(root, 1);
  }

  /** After a `find` that hit: the record has moved to this handle. */
  replaceFound(handle: Handle): void {
    const words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
    words[((this.#segment & GRANULE_MASK) << 1) + (this.#slot << 1) + 1] = handle;
  }

  /** After a `find` that hit: takes the entry out. The record stays the caller's. */
  removeFound(root: Handle): void {
    const words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
    const base = (this.#segment & GRANULE_MASK) << 1;
    const hash = words[base + (this.#slot << 1)] as number;
    erasePair(words, base, this.#bits, this.#localDepth, this.#slot);
    this.#addToCount(root, -1);
    const count = words[base] as number;
    // Every 16th time is often enough, and spares looking at the sibling on each removal.
    if ((count & 15) === 0 && count < 1 << (this.#bits - 3)) shrinkSegment(this.#arena, root, hash, this.#place());
  }

  /** Takes the entry with this key out; the record or 0. */
  remove(root: Handle, hash: number, buffer: Buffer, offset: number, length: number): Handle {
    const handle = this.find(root, hash, buffer, offset, length);
    if (handle !== 0) this.removeFound(root);
    return handle;
  }

  /** The first record of this hash that is accepted, or 0, with `find` positions right for it: where the key is not known. */
  findHash(root: Handle, hash: number, accepts: (record: Handle) => boolean): Handle {
    this.#locate(root, hash);
    const last = (1 << this.#bits) - 1;
    const words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
    const base = (this.#segment & GRANULE_MASK) << 1;
    let slot = homeSlot(hash, this.#localDepth, this.#bits);
    for (;;) {
      const handle = words[base + (slot << 1) + 1] as number;
      if (handle === 0 || (words[base + (slot << 1)] === hash && accepts(handle))) {
        this.#slot = slot;
        return handle;
      }
      slot = slot === last ? 1 : slot + 1;
    }
  }

  /** Makes `find` positions right for a record known by handle; false when the table does not hold it. */
  seek(root: Handle, hash: number, handle: Handle): boolean {
    this.#locate(root, hash);
    const last = (1 << this.#bits) - 1;
    const words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
    const base = (this.#segment & GRANULE_MASK) << 1;
    let slot = homeSlot(hash, this.#localDepth, this.#bits);
    for (;;) {
      const found = words[base + (slot << 1) + 1] as number;
      if (found === handle || found === 0) {
        this.#slot = slot;
        return found === handle;
      }
      slot = slot === last ? 1 : slot + 1;
    }
  }

  /** A record has moved; false when the table does not hold it under this hash. */
  replace(root: Handle, hash: number, from: Handle, to: Handle): boolean {
    const isHeld = this.seek(root, hash, from);
    if (isHeld) this.replaceFound(to);
    return isHeld;
  }

  /** A record of the table, each with exactly the same probability; 0 when it is empty. `removeFound` may follow at once. */
  random(root: Handle, random: Random): Handle {
    const count = this.count(root);
    if (count === 0) return 0;
    const depth = this.#depth(root);
    for (let draw = 0; draw < RANDOM_DRAWS; draw++) {
      // A segment with a short prefix stands in the directory many times: only its first place counts.
      const index = random.below(1 << depth);
      this.#locateIndex(root, depth, index);
      if ((index & ((1 << (depth - this.#localDepth)) - 1)) !== 0) continue;
      // Doubled segments are drawn too rarely by place: leave tables that have one to the counting below.
      if (depth !== 0 && this.#bits !== FULL_SEGMENT_BITS) break;
      const words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
      const slot = 1 + random.below((1 << this.#bits) - 1);
      const handle = words[((this.#segment & GRANULE_MASK) << 1) + (slot << 1) + 1] as number;
      this.#slot = slot;
      if (handle !== 0) return handle;
    }
    return this.#entryAt(root, random.below(count));
  }

  /**
   * Visits about `count` records from `cursor` (0 to start) and returns the next cursor, 0 at the end. The cursor is the next
   * hash in unsigned order, so an entry that is there from start to end of a scan is visited exactly once, whatever splits,
   * merges or is resized between the calls. The visitor must not change the table.
   */
  scan(root: Handle, cursor: number, count: number, visit: (handle: Handle) => void): number {
    const depth = this.#depth(root);
    let position = cursor;
    let budget = count;
    // Sparse tables: after this many empty homes the caller gets its turn back.
    let patience = (1 << FULL_SEGMENT_BITS) + count * 10;
    while (budget > 0 && patience > 0) {
      this.#locateIndex(root, depth, depth === 0 ? 0 : (position | 0) >>> (32 - depth));
      const place = this.#place();
      const { segment, localDepth, bits } = place;
      const homes = homeCount(bits);
      const width = 2 ** (32 - localDepth);
      const start = Math.floor(position / width) * width;
      let slot = homeSlot(position | 0, localDepth, bits);
      if (segmentCount(this.#arena, segment) === 0) slot = homes + 1;
      for (; slot <= homes && budget > 0; slot++) {
        budget -= this.#visitHome(place, slot, position, visit);
        patience--;
      }
      patience--;
      position =
        slot > homes
          ? start + width
          : start + Math.ceil(Math.ceil(((slot - 1) * 65536) / homes) * 2 ** (16 - localDepth));
      if (position >= HASH_SPACE) return 0;
    }
    return position;
  }

  /** Visits every record. The visitor must not change the table. */
  forEach(root: Handle, visit: (handle: Handle) => void): void {
    const depth = this.#depth(root);
    for (let index = 0; index < 1 << depth; ) {
      this.#locateIndex(root, depth, index);
      index += 1 << (depth - this.#localDepth);
      this.#visitSegment(this.#segment, this.#bits, visit);
    }
  }

  /** Frees one segment of the table, calling `release` with each of its records; true when the whole table is gone. */
  freeStep(root: Handle, release: (handle: Handle) => void): boolean {
    const words = this.#arena.words[root >>> CHUNK_SHIFT] as Int32Array;
    const at = (root & GRANULE_MASK) << 1;
    const depth = this.#depth(root);
    const index = words[at + ROOT_PROGRESS] as number;
    this.#locateIndex(root, depth, index);
    const segment = this.#segment;
    const next = index + (1 << (depth - this.#localDepth));
    this.#visitSegment(segment, this.#bits, release);
    this.#arena.free(segment);
    words[at + ROOT_PROGRESS] = next;
    if (next < 1 << depth) return false;
    if (depth > 0) this.#arena.free(words[at + ROOT_TARGET] as number);
    this.#arena.free(root);
    return true;
  }

  /**
   * Compaction: moves the segment at this hash position (0 to start, then also the directory) if its page is to be emptied,
   * and asks for the place of each of its records. Gives the next position, 0 at the end. The root is the caller's to move.
   */
  relocate(root: Handle, position: number, move: (handle: Handle) => Handle): number {
    if (position === 0) relocateDirectory(this.#arena, root);
    const depth = this.#depth(root);
    this.#locateIndex(root, depth, depth === 0 ? 0 : (position | 0) >>> (32 - depth));
    const place = this.#place();
    const segment = relocateSegment(this.#arena, root, position | 0, place);
    const words = this.#arena.words[segment >>> CHUNK_SHIFT] as Int32Array;
    const start = (segment & GRANULE_MASK) << 1;
    const end = start + (2 << place.bits);
    for (let at = start + 3; at < end; at += 2) {
      const handle = words[at] as number;
      if (handle !== 0) words[at] = move(handle);
    }
    const width = 2 ** (32 - place.localDepth);
    const next = (Math.floor(position / width) + 1) * width;
    return next >= HASH_SPACE ? 0 : next;
  }

  /** Frees the whole table at once. */
  free(root: Handle, release: (handle: Handle) => void): void {
    while (!this.freeStep(root, release));
  }

  /** Bytes of root, directory and segments, without the records. */
  sizeBytes(root: Handle): number {
    const depth = this.#depth(root);
    let total = this.#arena.capacityOf(root);
    if (depth > 0) {
      const words = this.#arena.words[root >>> CHUNK_SHIFT] as Int32Array;
      total += this.#arena.capacityOf(words[((root & GRANULE_MASK) << 1) + ROOT_TARGET] as number);
    }
    for (let index = 0; index < 1 << depth; ) {
      this.#locateIndex(root, depth, index);
      index += 1 << (depth - this.#localDepth);
      total += this.#arena.capacityOf(this.#segment);
    }
    return total;
  }

  #place(): SegmentPlace {
    return { segment: this.#segment, localDepth: this.#localDepth, bits: this.#bits };
  }

  #depth(root: Handle): number {
    const words = this.#arena.words[root >>> CHUNK_SHIFT] as Int32Array;
    return (words[((root & GRANULE_MASK) << 1) + ROOT_SHAPE] as number) & DEPTH_MASK;
  }

  #addToCount(root: Handle, change: number): void {
    const words = this.#arena.words[root >>> CHUNK_SHIFT] as Int32Array;
    const at = ((root & GRANULE_MASK) << 1) + ROOT_COUNT;
    words[at] = (words[at] as number) + change;
  }

  #locate(root: Handle, hash: number): void {
    const depth = this.#depth(root);
    this.#locateIndex(root, depth, depth === 0 ? 0 : hash >>> (32 - depth));
  }

  #locateIndex(root: Handle, depth: number, index: number): void {
    const words = this.#arena.words[root >>> CHUNK_SHIFT] as Int32Array;
    const at = (root & GRANULE_MASK) << 1;
    const target = words[at + ROOT_TARGET] as number;
    if (depth === 0) {
      this.#segment = target;
      this.#localDepth = 0;
      this.#bits = (words[at + ROOT_SHAPE] as number) >>> BITS_SHIFT;
    } else {
      const directory = this.#arena.words[target >>> CHUNK_SHIFT] as Int32Array;
      const entry = directory[((target & GRANULE_MASK) << 1) + index] as number;
      this.#segment = entry & SEGMENT_MASK;
      this.#localDepth = entry & DEPTH_MASK;
      this.#bits = (entry >>> BITS_SHIFT) & DEPTH_MASK;
    }
  }

  #matches(handle: Handle, buffer: Buffer, offset: number, length: number): boolean {
    const words = this.#arena.words[handle >>> CHUNK_SHIFT] as Int32Array;
    const at = (handle & GRANULE_MASK) << 1;
    const wide = this.#wideKeyBytes;
    let wanted = length;
    if (length > WIDE_KEY_LENGTH && wide !== 0) wanted = (length & WIDE_KEY_LENGTH) | RECORD_WIDE_KEY_FLAG;
    if (((words[at + this.#lengthWord] as number) & this.#lengthMask) !== wanted) return false;
    const first = words[at] as number;
    const optional = ((first >>> RECORD_EXPIRY_SHIFT) & this.#expiryBytes) + ((first >>> RECORD_WIDE_KEY_SHIFT) & wide);
    const start = (at << 2) + this.#keyByte + optional;
    if (wanted !== length && words[(start >>> 2) - 1] !== length) return false;
    const bytes = this.#arena.bytes[handle >>> CHUNK_SHIFT] as Buffer;
    for (let i = length - 1; i >= 0; i--) {
      if (bytes[start + i] !== buffer[offset + i]) return false;
    }
    return true;
  }

  #seekEmpty(hash: number): void {
    const last = (1 << this.#bits) - 1;
    const words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
    const base = (this.#segment & GRANULE_MASK) << 1;
    let slot = homeSlot(hash, this.#localDepth, this.#bits);
    while (words[base + (slot << 1) + 1] !== 0) slot = slot === last ? 1 : slot + 1;
    this.#slot = slot;
  }

  /** Visits the entries of a segment whose home is this slot and whose hash is not before `position`. */
  #visitHome(place: SegmentPlace, home: number, position: number, visit: (handle: Handle) => void): number {
    const words = this.#arena.words[place.segment >>> CHUNK_SHIFT] as Int32Array;
    const base = (place.segment & GRANULE_MASK) << 1;
    const last = (1 << place.bits) - 1;
    let visited = 0;
    for (let slot = home; ; slot = slot === last ? 1 : slot + 1) {
      const handle = words[base + (slot << 1) + 1] as number;
      if (handle === 0) return visited;
      const hash = words[base + (slot << 1)] as number;
      if (homeSlot(hash, place.localDepth, place.bits) === home && hash >>> 0 >= position) {
        visit(handle);
        visited++;
      }
    }
  }

  #visitSegment(segment: Handle, bits: number, visit: (handle: Handle) => void): void {
    const words = this.#arena.words[segment >>> CHUNK_SHIFT] as Int32Array;
    const start = (segment & GRANULE_MASK) << 1;
    const end = start + (2 << bits);
    for (let at = start + 2; at < end; at += 2) {
      const handle = words[at + 1] as number;
      if (handle !== 0) visit(handle);
    }
  }

  /** The record at this place in the order of segments and slots. */
  #entryAt(root: Handle, place: number): Handle {
    const depth = this.#depth(root);
    let rest = place;
    for (let index = 0; index < 1 << depth; ) {
      this.#locateIndex(root, depth, index);
      index += 1 << (depth - this.#localDepth);
      const words = this.#arena.words[this.#segment >>> CHUNK_SHIFT] as Int32Array;
      const base = (this.#segment & GRANULE_MASK) << 1;
      const count = words[base] as number;
      if (rest >= count) {
        rest -= count;
        continue;
      }
      for (let slot = 1; ; slot++) {
        const handle = words[base + (slot << 1) + 1] as number;
        if (handle === 0 || rest-- > 0) continue;
        this.#slot = slot;
        return handle;
      }
    }
    return 0;
  }
}
