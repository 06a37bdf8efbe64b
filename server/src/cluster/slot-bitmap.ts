/** Sets of slots as Redis sends and stores them: 2,048 bytes, slot s is bit s & 7 of byte s >> 3. */

import { SLOT_BYTES } from "./bus-message.ts";

export interface SlotRange {
  readonly start: number;
  readonly end: number;
}

export function emptySlots(): Uint8Array {
  return new Uint8Array(SLOT_BYTES);
}

export function setSlot(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3] = (bitmap[slot >> 3] as number) | (1 << (slot & 7));
}

export function clearSlot(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3] = (bitmap[slot >> 3] as number) & ~(1 << (slot & 7));
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

export function rangesOf(bitmap: Uint8Array): SlotRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const slot of slotsOf(bitmap)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.end === slot - 1) last.end = slot;
    else ranges.push({ start: slot, end: slot });
  }
  return ranges;
}
