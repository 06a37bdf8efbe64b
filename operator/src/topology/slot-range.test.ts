import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { describe, expect, it } from "vitest";
import {
  countSlots,
  formatRanges,
  hasOverlap,
  joinRanges,
  lastSlots,
  rangesWhere,
  splitEvenly,
  subtractRanges,
} from "./slot-range.ts";

describe("slot ranges", () => {
  it("split evenly without gap or overlap for every allowed number of shards", () => {
    for (let shards = 1; shards <= 256; shards++) {
      const shares = splitEvenly(shards);
      expect(shares).toHaveLength(shards);
      expect(shares[0]?.start).toBe(0);
      expect(shares.at(-1)?.end).toBe(SLOT_COUNT - 1);
      for (let i = 1; i < shards; i++) expect(shares[i]?.start).toBe((shares[i - 1]?.end ?? 0) + 1);
      const sizes = shares.map((share) => countSlots([share]));
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });

  it("collect and print the slots for which a condition holds", () => {
    const ranges = rangesWhere((slot) => slot < 3 || slot === 100 || slot > 16381);
    expect(formatRanges(ranges)).toBe("0-2,100,16382-16383");
    expect(countSlots(ranges)).toBe(6);
    expect(formatRanges([])).toBe("");
  });

  it("overlap where they share a slot, also at the border", () => {
    expect(hasOverlap([{ start: 0, end: 9 }], [{ start: 9, end: 12 }])).toBe(true);
    expect(hasOverlap([{ start: 0, end: 8 }], [{ start: 9, end: 12 }])).toBe(false);
  });
});

describe("slot ranges, when slots move", () => {
  it("are joined, subtracted and taken from the end", () => {
    const ranges = joinRanges([
      { start: 10, end: 19 },
      { start: 0, end: 4 },
      { start: 5, end: 7 },
    ]);
    expect(formatRanges(ranges)).toBe("0-7,10-19");
    expect(formatRanges(subtractRanges(ranges, [{ start: 3, end: 12 }]))).toBe("0-2,13-19");
    expect(formatRanges(lastSlots(ranges, 12))).toBe("6-7,10-19");
    expect(countSlots(lastSlots(ranges, 100))).toBe(18);
    expect(lastSlots(ranges, 0)).toEqual([]);
  });
});
