/** Sets of slots as Redis sends and stores them: 2,048 bytes, slot s is bit s & 7 of byte s >> 3. */

import { SLOT_BYTES } from "./bus-message.ts";

export interface SlotRange {
  readonly start: number;
  readonly end: number;
}

const NONE = -1;
const ALL_BITS = 0xff;

export function emptySlots(): Uint8Array {
  return new Uint8Array(SLOT_BYTES);
}

export function bitmapOf(slots: Iterable<number>): Uint8Array {
  const bitmap = emptySlots();
  for (const slot of slots) setSlot(bitmap, slot);
  return bitmap;
}

export function setSlot(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3] = (bitmap[slot >> 3] as number) | (1 << (slot & 7));
}

export function clearSlot(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3] = (bitmap[slot >> 3] as number) & ~(1 << (slot & 7));
}

export function hasSlot(bitmap: Uint8Array, slot: number): boolean {
  return ((bitmap[slot >> 3] as number) & (1 << (slot & 7))) !== 0;
}

export function equalSlots(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** The slots in ascending order. Empty bytes are skipped, so a sparse set is cheap. */
export function slotsOf(bitmap: Uint8Array): number[] {
  const slots: number[] = [];
  for (let byte = 0; byte < SLOT_BYTES; byte++) {
    const bits = bitmap[byte] as number;
    if (bits === 0) continue;
    for (let bit = 0; bit < 8; bit++) if ((bits & (1 << bit)) !== 0) slots.push(byte * 8 + bit);
  }
  return slots;
}

/** Bytes in which nothing begins or ends are skipped. */
export function rangesOf(bitmap: Uint8Array): SlotRange[] {
  const ranges: SlotRange[] = [];
  let start = NONE;
  for (let byte = 0; byte < SLOT_BYTES; byte++) {
    const bits = bitmap[byte] as number;
    if (bits === (start === NONE ? 0 : ALL_BITS)) continue;
    for (let bit = 0; bit < 8; bit++) {
      const isIn = (bits & (1 << bit)) !== 0;
      const slot = byte * 8 + bit;
      if (isIn && start === NONE) start = slot;
      if (isIn || start === NONE) continue;
      ranges.push({ start, end: slot - 1 });
      start = NONE;
    }
  }
  if (start !== NONE) ranges.push({ start, end: SLOT_BYTES * 8 - 1 });
  return ranges;
}
