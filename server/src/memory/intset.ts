/**
 * A sorted set of 64-bit integers in an arena block: width (u32: 2, 4 or 8 bytes), count (u32), the integers in
 * ascending order, little endian: Redis' own bytes. All integers have the width of the widest ever added; adding a
 * wider one widens them all and it then lies at one end. Every edit returns the handle where the set lies afterwards.
 */

import type { Arena } from "./arena.ts";
import type { Int64 } from "./int64.ts";

const HEADER = 8;

export function createIntset(arena: Arena): number {
  const handle = arena.allocate(HEADER + 8);
  const words = arena.words[handle >>> 23] as Int32Array;
  const at = (handle & 0x7fffff) << 1;
  words[at] = 2;
  words[at + 1] = 0;
  return handle;
}

/** A block with a copy of these intset bytes. */
export function copyIntset(arena: Arena, source: Buffer, offset: number, length: number): number {
  const handle = arena.allocate(length);
  source.copy(arena.bytes[handle >>> 23] as Buffer, (handle & 0x7fffff) << 3, offset, offset + length);
  return handle;
}

export function intsetCount(arena: Arena, handle: number): number {
  return (arena.words[handle >>> 23] as Int32Array)[((handle & 0x7fffff) << 1) + 1] as number;
}

function widthOf(arena: Arena, handle: number): number {
  return (arena.words[handle >>> 23] as Int32Array)[(handle & 0x7fffff) << 1] as number;
}

/** Size of the set's bytes. */
export function intsetBytes(arena: Arena, handle: number): number {
  return HEADER + widthOf(arena, handle) * intsetCount(arena, handle);
}

/** Reads the integer with this index (ascending order) into the register. */
export function readIntset(arena: Arena, handle: number, index: number, integer: Int64): void {
  const bytes = arena.bytes[handle >>> 23] as Buffer;
  readAt(bytes, ((handle & 0x7fffff) << 3) + HEADER, widthOf(arena, handle), index, integer);
}

function readAt(bytes: Buffer, start: number, width: number, index: number, integer: Int64): void {
  const at = start + index * width;
  integer.low = lowAt(bytes, at, width);
  integer.high = width === 8 ? wordAt(bytes, at + 4) : integer.low >> 31;
}

function wordAt(bytes: Buffer, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function lowAt(bytes: Buffer, at: number, width: number): number {
  if (width === 2) return (((bytes[at] as number) | ((bytes[at + 1] as number) << 8)) << 16) >> 16;
  return wordAt(bytes, at);
}

function writeAt(bytes: Buffer, at: number, width: number, high: number, low: number): void {
  bytes[at] = low;
  bytes[at + 1] = low >> 8;
  if (width === 2) return;
  bytes[at + 2] = low >> 16;
  bytes[at + 3] = low >> 24;
  if (width === 4) return;
  bytes[at + 4] = high;
  bytes[at + 5] = high >> 8;
  bytes[at + 6] = high >> 16;
  bytes[at + 7] = high >> 24;
}

function widthFor(integer: Int64): number {
  if (!integer.fitsInt32) return 8;
  return integer.low >= -32768 && integer.low <= 32767 ? 2 : 4;
}

/** The index of the integer, or −1 − (the index it would get) if it is not in the set. */
export function findInIntset(arena: Arena, handle: number, integer: Int64): number {
  const bytes = arena.bytes[handle >>> 23] as Buffer;
  const width = widthOf(arena, handle);
  const start = ((handle & 0x7fffff) << 3) + HEADER;
  let low = 0;
  let high = intsetCount(arena, handle);
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = start + middle * width;
    const lowWord = lowAt(bytes, at, width);
    const order = integer.compare(width === 8 ? wordAt(bytes, at + 4) : lowWord >> 31, lowWord);
    if (order === 0) return middle;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return -1 - low;
}

/** Adds an integer that is not in the set; `index` is where it belongs. */
export function insertInIntset(arena: Arena, handle: number, index: number, integer: Int64): number {
  const width = widthOf(arena, handle);
  const count = intsetCount(arena, handle);
  const newWidth = Math.max(width, widthFor(integer));
  const size = HEADER + width * count;
  const newSize = HEADER + newWidth * (count + 1);
  const moved = newSize > arena.capacityOf(handle) ? arena.reallocate(handle, size, newSize) : handle;
  const bytes = arena.bytes[moved >>> 23] as Buffer;
  const start = ((moved & 0x7fffff) << 3) + HEADER;
  if (newWidth === width) {
    const at = start + index * width;
    bytes.copyWithin(at + width, at, start + count * width);
    writeAt(bytes, at, width, integer.high, integer.low);
  } else {
    // Wider than all others, so it goes before the first or behind the last. Widen from the end: nothing is overwritten.
    const shift = integer.high < 0 ? 1 : 0;
    for (let k = count - 1; k >= 0; k--) {
      const at = start + k * width;
      const low = lowAt(bytes, at, width);
      writeAt(bytes, start + (k + shift) * newWidth, newWidth, low >> 31, low);
    }
    writeAt(bytes, start + (shift === 1 ? 0 : count) * newWidth, newWidth, integer.high, integer.low);
  }
  writeHeader(arena, moved, newWidth, count + 1);
  return moved;
}

export function removeFromIntset(arena: Arena, handle: number, index: number): number {
  const width = widthOf(arena, handle);
  const count = intsetCount(arena, handle);
  const bytes = arena.bytes[handle >>> 23] as Buffer;
  const start = ((handle & 0x7fffff) << 3) + HEADER;
  bytes.copyWithin(start + index * width, start + (index + 1) * width, start + count * width);
  writeHeader(arena, handle, width, count - 1);
  const size = HEADER + width * (count - 1);
  return size < arena.capacityOf(handle) >>> 1 ? arena.reallocate(handle, size, size) : handle;
}

function writeHeader(arena: Arena, handle: number, width: number, count: number): void {
  const words = arena.words[handle >>> 23] as Int32Array;
  const at = (handle & 0x7fffff) << 1;
  words[at] = width;
  words[at + 1] = count;
}

/** Checks bytes from outside: a known width, the right size, strictly ascending. */
export function isValidIntset(bytes: Buffer, offset: number, length: number, scratch: Int64): boolean {
  if (length < HEADER) return false;
  const width = bytes.readUInt32LE(offset);
  const count = bytes.readUInt32LE(offset + 4);
  if ((width !== 2 && width !== 4 && width !== 8) || length !== HEADER + width * count || count === 0) return false;
  readAt(bytes, offset + HEADER, width, 0, scratch);
  for (let k = 1; k < count; k++) {
    const at = offset + HEADER + k * width;
    const low = lowAt(bytes, at, width);
    if (scratch.compare(width === 8 ? wordAt(bytes, at + 4) : low >> 31, low) >= 0) return false;
    readAt(bytes, offset + HEADER, width, k, scratch);
  }
  return true;
}
