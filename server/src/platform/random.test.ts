import { expect, test } from "vitest";
import { createSeededRandom, createSystemRandom } from "./random.ts";

test("a seeded random repeats itself and differs by seed", () => {
  const draw = (seed: number) => {
    const random = createSeededRandom(seed);
    return [random.uint32(), random.below(1000), random.hex(40)];
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test("below is in range and reaches every value evenly", () => {
  const random = createSeededRandom(42);
  const counts = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 10_000; draw++) {
    const value = random.below(10);
    counts[value] = (counts[value] as number) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(850);
  expect(Math.max(...counts)).toBeLessThan(1150);
});

test("system identifiers have the asked length and do not repeat", () => {
  const random = createSystemRandom();
  expect(random.hex(40)).toMatch(/^[0-9a-f]{40}$/);
  expect(random.hex(40)).not.toBe(random.hex(40));
  expect(random.bytes(5)).toHaveLength(5);
});
