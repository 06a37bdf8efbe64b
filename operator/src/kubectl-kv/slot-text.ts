/** Slot ranges as status has them ("0-100,200"): how many slots they are, and a form that fits a column. */

import { countSlots, parseRange } from "../topology/slot-range.ts";

export function slotCount(ranges: string): number {
  return countSlots(ranges.split(",").filter(Boolean).map(parseRange));
}

/** The first ranges that fit, then how many more there are. */
export function shortRanges(ranges: string, maxLength: number): string {
  if (ranges.length <= maxLength) return ranges;
  const all = ranges.split(",");
  let shown = 1;
  while (all.slice(0, shown + 1).join(",").length <= maxLength) shown += 1;
  return `${all.slice(0, shown).join(",")} and ${all.length - shown} more ranges`;
}
