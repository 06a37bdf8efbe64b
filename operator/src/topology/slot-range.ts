/**
 * Inclusive ranges of hash slots: the form in which nodes report slots, in which they are assigned and in which status
 * shows them. Ranges are kept sorted and joined; a slot that is missing from a list is simply not covered by it.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";

export interface SlotRange {
  readonly start: number;
  readonly end: number;
}

/** The share of each of `shards`: contiguous, in order, sizes differ by one at most. */
export function splitEvenly(shards: number): readonly SlotRange[] {
  const shares: SlotRange[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const start = Math.floor((shard * SLOT_COUNT) / shards);
    const end = Math.floor(((shard + 1) * SLOT_COUNT) / shards) - 1;
    shares.push({ start, end });
  }
  return shares;
}

export function countSlots(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, range) => sum + range.end - range.start + 1, 0);
}

/** `0-5460,5462` as status and events show it; empty for no slots. */
export function formatRanges(ranges: readonly SlotRange[]): string {
  return ranges.map(({ start, end }) => (start === end ? `${start}` : `${start}-${end}`)).join(",");
}

/** One of `0-5460,5462`; what is no number is NaN. */
export function parseRange(text: string): SlotRange {
  const [start = Number.NaN, end = start] = text.split("-").map(Number);
  return { start, end };
}

/** The ranges of all slots for which `holds` is true. */
export function rangesWhere(holds: (slot: number) => boolean): readonly SlotRange[] {
  const ranges: SlotRange[] = [];
  let start = -1;
  for (let slot = 0; slot <= SLOT_COUNT; slot++) {
    const inside = slot < SLOT_COUNT && holds(slot);
    if (inside && start < 0) start = slot;
    if (!inside && start >= 0) {
      ranges.push({ start, end: slot - 1 });
      start = -1;
    }
  }
  return ranges;
}

export function isSameRanges(a: readonly SlotRange[], b: readonly SlotRange[]): boolean {
  return formatRanges(a) === formatRanges(b);
}

export function hasOverlap(a: readonly SlotRange[], b: readonly SlotRange[]): boolean {
  return a.some((one) => b.some((other) => one.start <= other.end && other.start <= one.end));
}

/** Sorted and joined, as every list of ranges here is. */
export function joinRanges(ranges: readonly SlotRange[]): readonly SlotRange[] {
  const joined: SlotRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last === undefined || range.start > last.end + 1) joined.push(range);
    else joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
  }
  return joined;
}

/** What of `ranges` is in none of `others`. */
export function subtractRanges(ranges: readonly SlotRange[], others: readonly SlotRange[]): readonly SlotRange[] {
  let left = [...ranges];
  for (const { start, end } of others) {
    left = left.flatMap((range) => {
      if (range.end < start || range.start > end) return [range];
      const parts = [
        { start: range.start, end: start - 1 },
        { start: end + 1, end: range.end },
      ];
      return parts.filter((part) => part.start <= part.end);
    });
  }
  return left;
}

/** The last `count` slots of `ranges`, all of them where there are fewer. */
export function lastSlots(ranges: readonly SlotRange[], count: number): readonly SlotRange[] {
  const taken: SlotRange[] = [];
  let missing = count;
  for (const { start, end } of [...ranges].reverse()) {
    if (missing <= 0) break;
    const first = Math.max(start, end - missing + 1);
    taken.unshift({ start: first, end });
    missing -= end - first + 1;
  }
  return taken;
}
