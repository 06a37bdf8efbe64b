/** Drawing several different elements of a collection at random, without a copy of it where few are wanted. */

import type { Random } from "../platform/random.ts";

export interface DrawSource {
  /** One element, each with the same probability; the same may come again. */
  draw(): Buffer;
  all(add: (element: Buffer) => void): void;
}

/** Where more than this part of the collection is wanted, repeated draws would hit the same elements too often. */
const SPARSE = 3;

/** `count` different elements out of `size`, every choice equally likely. */
export function drawDistinct(random: Random, count: number, size: number, source: DrawSource): Buffer[] {
  if (count * SPARSE < size) {
    const drawn = new Map<string, Buffer>();
    while (drawn.size < count) {
      const element = source.draw();
      drawn.set(element.toString("latin1"), element);
    }
    return [...drawn.values()];
  }
  const elements: Buffer[] = [];
  source.all((element) => {
    elements.push(element);
  });
  for (let k = 0; k < count; k++) {
    const other = k + random.below(elements.length - k);
    const element = elements[other] as Buffer;
    elements[other] = elements[k] as Buffer;
    elements[k] = element;
  }
  return elements.slice(0, count);
}

/** `count` different integers below `size`, every choice equally likely. */
export function drawDistinctNumbers(random: Random, count: number, size: number): Iterable<number> {
  // Floyd's method: each step adds one number, the new largest one where the drawn one is taken already.
  const drawn = new Set<number>();
  for (let limit = size - count; limit < size; limit++) {
    const number = random.below(limit + 1);
    drawn.add(drawn.has(number) ? limit : number);
  }
  return drawn;
}
