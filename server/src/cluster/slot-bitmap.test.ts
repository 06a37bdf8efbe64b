import { expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { emptySlots, rangesOf, setSlot, slotsOf } from "./slot-bitmap.ts";

const LAST = 16383;

function rangesOver(...ranges: readonly (readonly [number, number])[]): Uint8Array {
  const bitmap = emptySlots();
  for (const [start, end] of ranges) for (let slot = start; slot <= end; slot++) setSlot(bitmap, slot);
  return bitmap;
}

test.each<[string, (readonly [number, number])[]]>([
  ["nothing", []],
  ["all slots", [[0, LAST]]],
  [
    "the ends",
    [
      [0, 0],
      [LAST, LAST],
    ],
  ],
  [
    "whole bytes and single bits",
    [
      [8, 15],
      [17, 17],
      [19, 30],
      [32, 4095],
      [4097, LAST],
    ],
  ],
])("ranges of %s", (_what, ranges) => {
  expect(rangesOf(rangesOver(...ranges)).map(({ start, end }) => [start, end])).toEqual(ranges);
});

test("ranges hold exactly the slots of random sets", () => {
  const random = createSeededRandom(7);
  for (let round = 0; round < 20; round++) {
    const bitmap = emptySlots();
    for (let k = random.below(9000); k > 0; k--) setSlot(bitmap, random.below(LAST + 1));
    const slots = rangesOf(bitmap).flatMap(({ start, end }) =>
      Array.from({ length: end - start + 1 }, (_, k) => start + k),
    );
    expect(slots).toEqual(slotsOf(bitmap));
  }
});
