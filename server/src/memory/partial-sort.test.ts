import { expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { agree } from "../testing/agree.ts";
import { sortRange } from "./partial-sort.ts";

test("sortRange puts any range of any array in its place", () => {
  const random = createSeededRandom(9);
  for (let round = 0; round < 2000; round++) {
    const size = 1 + random.below(200);
    const values = Int32Array.from({ length: size }, () => random.below(1 + random.below(100)));
    const sorted = Int32Array.from(values).sort();
    const first = random.below(size);
    const last = first + random.below(size - first);
    sortRange(values, (left, right) => left - right, first, last);
    agree(values.slice(first, last + 1).join(), sorted.slice(first, last + 1).join());
    agree(values.sort().join(), sorted.join());
  }
});

test("sortRange of input made against it stays near n log n comparisons", () => {
  // The adversary of McIlroy: values are decided only when compared, so that each pivot turns out to be among the least.
  const size = 20_000;
  const undecided = size;
  const values = new Int32Array(size).fill(undecided);
  let decided = 0;
  let candidate = 0;
  let comparisons = 0;
  const compare = (left: number, right: number): number => {
    comparisons++;
    if (values[left] === undecided && values[right] === undecided)
      values[left === candidate ? left : right] = decided++;
    if (values[left] === undecided) candidate = left;
    else if (values[right] === undecided) candidate = right;
    return (values[left] as number) - (values[right] as number);
  };
  const items = Int32Array.from({ length: size }, (_, index) => index);
  sortRange(items, compare, 0, size - 2);
  expect(comparisons).toBeLessThan(size * 200);
});
