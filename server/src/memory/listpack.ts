/**
 * A listpack in an arena block: total bytes (u32), number of entries (u16, 0xFFFF = count them), entries, 0xFF: the
 * exact bytes that Redis keeps and that an RDB file holds. Positions are byte offsets inside the block, so they stay
 * good when an edit moves the block; every edit returns the handle where the listpack lies afterwards.
 * Edits happen in place, in the slack of the block's size class. Freeing the block is the owner's job.
 */

import type { Arena } from "./arena.ts";
import type { ByteSpan } from "./byte-span.ts";
import { type EncodedEntry, LISTPACK_END, nextEntry, previousEntry, readEntry } from "./listpack-entry.ts";

export const LISTPACK_HEADER = 6;
const EMPTY_SIZE = LISTPACK_HEADER + 1;
const COUNT_UNKNOWN = 0xffff;
/** What a scan returns when nothing matched. */
export const NOT_FOUND = -1;

export function createListpack(arena: Arena, capacityBytes = EMPTY_SIZE): number {
  const handle = arena.allocate(Math.max(capacityBytes, EMPTY_SIZE));
  const bytes = arena.bytes[handle >>> 23] as Buffer;
  const start = (handle & 0x7fffff) << 3;
  writeHeader(bytes, start, EMPTY_SIZE, 0);
  bytes[start + LISTPACK_HEADER] = LISTPACK_END;
  return handle;
}

/** A block with a copy of these listpack bytes (from a file, from another block). */
export function copyListpack(arena: Arena, source: Buffer, offset: number, length: number): number {
  const handle = arena.allocate(length);
  source.copy(arena.bytes[handle >>> 23] as Buffer, (handle & 0x7fffff) << 3, offset, offset + length);
  return handle;
}

export function writeHeader(bytes: Buffer, start: number, sizeBytes: number, count: number): void {
  bytes[start] = sizeBytes;
  bytes[start + 1] = sizeBytes >>> 8;
  bytes[start + 2] = sizeBytes >>> 16;
  bytes[start + 3] = sizeBytes >>> 24;
  const shown = Math.min(count, COUNT_UNKNOWN);
  bytes[start + 4] = shown;
  bytes[start + 5] = shown >>> 8;
}

export function listpackBytes(arena: Arena, handle: number): number {
  return (arena.words[handle >>> 23] as Int32Array)[(handle & 0x7fffff) << 1] as number;
}

export function listpackCount(arena: Arena, handle: number): number {
  return countEntries(arena.bytes[handle >>> 23] as Buffer, (handle & 0x7fffff) << 3);
}

/** Number of entries of a listpack that starts at this offset. */
export function countEntries(bytes: Buffer, start: number): number {
  const shown = (bytes[start + 4] as number) | ((bytes[start + 5] as number) << 8);
  if (shown !== COUNT_UNKNOWN) return shown;
  let count = 0;
  for (let at = start + LISTPACK_HEADER; bytes[at] !== LISTPACK_END; at = nextEntry(bytes, at)) count++;
  return count;
}

/** The position behind the last entry, where the end byte stands. */
export function listpackEnd(arena: Arena, handle: number): number {
  return listpackBytes(arena, handle) - 1;
}

/** Position of the entry with this index (negative: from the end), or NOT_FOUND. */
export function seekListpack(arena: Arena, handle: number, index: number): number {
  const bytes = arena.bytes[handle >>> 23] as Buffer;
  const start = (handle & 0x7fffff) << 3;
  const count = listpackCount(arena, handle);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return NOT_FOUND;
  let at: number;
  if (index <= count >> 1) {
    at = start + LISTPACK_HEADER;
    for (; index > 0; index--) at = nextEntry(bytes, at);
  } else {
    at = start + listpackEnd(arena, handle);
    for (let back = count - index; back > 0; back--) at = previousEntry(bytes, at);
  }
  return at - start;
}

export function nextPosition(arena: Arena, handle: number, position: number): number {
  const start = (handle & 0x7fffff) << 3;
  return nextEntry(arena.bytes[handle >>> 23] as Buffer, start + position) - start;
}

export function previousPosition(arena: Arena, handle: number, position: number): number {
  const start = (handle & 0x7fffff) << 3;
  return previousEntry(arena.bytes[handle >>> 23] as Buffer, start + position) - start;
}

export function readListpack(arena: Arena, handle: number, position: number, span: ByteSpan): void {
  readEntry(arena.bytes[handle >>> 23] as Buffer, ((handle & 0x7fffff) << 3) + position, span);
}

/**
 * Position of the first entry with this value at or behind a position, or NOT_FOUND. With skip = 1 only every second
 * entry is compared: the fields of a hash, the members of a sorted set. With skip = 2 every third: fields with an expiry.
 */
export function findInListpack(
  arena: Arena,
  handle: number,
  position: number,
  entry: EncodedEntry,
  skip: 0 | 1 | 2,
): number {
  const bytes = arena.bytes[handle >>> 23] as Buffer;
  const start = (handle & 0x7fffff) << 3;
  const size = entry.size;
  let at = start + position;
  while (bytes[at] !== LISTPACK_END) {
    const next = nextEntry(bytes, at);
    if (next - at === size && entry.isAt(bytes, at)) return at - start;
    at = skip === 0 ? next : nextEntry(bytes, next);
    if (skip === 2) at = nextEntry(bytes, at);
  }
  return NOT_FOUND;
}

/** Inserts before the position (the end position appends). */
export function insertInListpack(arena: Arena, handle: number, position: number, entry: EncodedEntry): number {
  const moved = openGap(arena, handle, position, 0, entry.size, 1);
  entry.write(arena.bytes[moved >>> 23] as Buffer, ((moved & 0x7fffff) << 3) + position);
  return moved;
}

export function appendToListpack(arena: Arena, handle: number, entry: EncodedEntry): number {
  return insertInListpack(arena, handle, listpackEnd(arena, handle), entry);
}

export function replaceInListpack(arena: Arena, handle: number, position: number, entry: EncodedEntry): number {
  const start = (handle & 0x7fffff) << 3;
  const oldSize = nextEntry(arena.bytes[handle >>> 23] as Buffer, start + position) - start - position;
  const moved = oldSize === entry.size ? handle : openGap(arena, handle, position, oldSize, entry.size, 0);
  entry.write(arena.bytes[moved >>> 23] as Buffer, ((moved & 0x7fffff) << 3) + position);
  return moved;
}

/** Removes this many entries from the position on. */
export function deleteFromListpack(arena: Arena, handle: number, position: number, entries: number): number {
  const bytes = arena.bytes[handle >>> 23] as Buffer;
  const start = (handle & 0x7fffff) << 3;
  let at = start + position;
  for (let k = 0; k < entries; k++) at = nextEntry(bytes, at);
  return openGap(arena, handle, position, at - start - position, 0, -entries);
}

/** Makes the bytes at the position, so far oldSize, newSize long; moves what follows and keeps the header right. */
function openGap(
  arena: Arena,
  handle: number,
  position: number,
  oldSize: number,
  newSize: number,
  countChange: number,
): number {
  const size = listpackBytes(arena, handle);
  const newTotal = size + newSize - oldSize;
  const count = listpackCount(arena, handle) + countChange;
  let moved = handle;
  if (newTotal > arena.capacityOf(handle)) moved = arena.reallocate(handle, size, newTotal);
  const bytes = arena.bytes[moved >>> 23] as Buffer;
  const start = (moved & 0x7fffff) << 3;
  bytes.copyWithin(start + position + newSize, start + position + oldSize, start + size);
  writeHeader(bytes, start, newTotal, count);
  if (newTotal < arena.capacityOf(moved) >>> 1) return arena.reallocate(moved, newTotal, newTotal);
  return moved;
}

/**
 * Checks bytes from outside: sizes add up, every entry's two lengths agree, the count is right. Nothing else in this
 * file looks for damage, so bytes that fail here must never reach a block.
 */
export function isValidListpack(bytes: Buffer, offset: number, length: number): boolean {
  if (length < EMPTY_SIZE || bytes.readUInt32LE(offset) !== length) return false;
  const end = offset + length - 1;
  if (bytes[end] !== LISTPACK_END) return false;
  const shown = bytes.readUInt16LE(offset + 4);
  let at = offset + LISTPACK_HEADER;
  let count = 0;
  while (at < end) {
    const first = bytes[at] as number;
    if (first > 0xf4 || (first >= 0xe0 && first < 0xf0 && at + 1 >= end) || (first === 0xf0 && at + 5 > end))
      return false;
    const next = nextEntry(bytes, at);
    if (next > end || previousEntry(bytes, next) !== at) return false;
    at = next;
    count++;
  }
  return shown === COUNT_UNKNOWN || shown === count;
}
