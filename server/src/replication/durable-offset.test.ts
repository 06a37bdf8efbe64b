import { expect, test } from "vitest";
import { DurableOffset } from "./durable-offset.ts";

test("what is durable follows the disk, not the stream", () => {
  const durable = new DurableOffset();
  expect(durable.upTo({ position: 100, durable: 0 }, 10)).toBe(0);
  expect(durable.upTo({ position: 200, durable: 99 }, 20)).toBe(0);
  expect(durable.upTo({ position: 300, durable: 100 }, 30)).toBe(10);
  expect(durable.upTo({ position: 300, durable: 250 }, 30)).toBe(20);
  expect(durable.upTo({ position: 300, durable: 300 }, 35)).toBe(35);
});

test("without a file nothing is said, and another history begins anew", () => {
  const durable = new DurableOffset();
  expect(durable.upTo(undefined, 10)).toBeUndefined();
  expect(durable.upTo({ position: 5, durable: 5 }, 1000)).toBe(1000);
  expect(durable.upTo({ position: 9, durable: 5 }, 50)).toBe(0);
  expect(durable.upTo({ position: 9, durable: 9 }, 50)).toBe(50);
});

test("a disk that stands still does not make it grow without bound", () => {
  const durable = new DurableOffset();
  for (let offset = 1; offset < 5000; offset++) durable.upTo({ position: offset, durable: 0 }, offset);
  expect(durable.upTo({ position: 5000, durable: 4500 }, 5000)).toBe(4500);
});
