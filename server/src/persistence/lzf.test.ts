import { describe, expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { decompressLzf, LzfCompressor, mostDecompressed } from "./lzf.ts";

function roundTrip(compressor: LzfCompressor, input: Buffer): number {
  const packed = Buffer.alloc(input.length + 8, 0xaa);
  const size = compressor.compress(input, 0, input.length, packed, 4, input.length);
  if (size === 0) return 0;
  expect(packed.subarray(4 + input.length).every((byte) => byte === 0xaa)).toBe(true);
  const output = Buffer.alloc(input.length);
  expect(decompressLzf(packed, 4, size, output, input.length)).toBe(true);
  expect(output.equals(input)).toBe(true);
  expect(input.length).toBeLessThanOrEqual(mostDecompressed(size));
  return size;
}

describe("LZF", () => {
  test("gives back what it compressed, with one table for all inputs", () => {
    const seed = 20_26;
    const random = createSeededRandom(seed);
    const compressor = new LzfCompressor();
    let packed = 0;
    for (let round = 0; round < 3000; round++) {
      const length = 21 + random.below(round % 10 === 0 ? 40_000 : 300);
      const letters = 1 + random.below(6);
      const input = Buffer.from(Array.from({ length }, () => 97 + random.below(letters)));
      if (roundTrip(compressor, input) > 0) packed++;
    }
    expect(packed, `seed ${seed}`).toBeGreaterThan(2500);
  });

  test("compresses runs and repeats well", () => {
    const compressor = new LzfCompressor();
    expect(roundTrip(compressor, Buffer.alloc(100_000, "x"))).toBeLessThan(1200);
    expect(roundTrip(compressor, Buffer.from("some words, ".repeat(50)))).toBeLessThan(50);
  });

  test("gives up on what does not get smaller", () => {
    const random = createSeededRandom(7);
    const input = Buffer.from(Array.from({ length: 500 }, () => random.below(256)));
    expect(new LzfCompressor().compress(input, 0, 500, Buffer.alloc(500), 0, 496)).toBe(0);
  });

  test("refuses damaged input and never writes beyond the size asked for", () => {
    const random = createSeededRandom(11);
    const compressor = new LzfCompressor();
    const input = Buffer.from("abcabcabcabc-".repeat(40));
    const packed = Buffer.alloc(input.length);
    const size = compressor.compress(input, 0, input.length, packed, 0, input.length);
    const output = Buffer.alloc(input.length + 300, 0x5a);
    for (let round = 0; round < 5000; round++) {
      const damaged = Buffer.from(packed.subarray(0, size));
      damaged[random.below(size)] = random.below(256);
      decompressLzf(damaged, 0, size, output, input.length);
      expect(output.subarray(input.length).every((byte) => byte === 0x5a)).toBe(true);
    }
    expect(decompressLzf(packed, 0, size - 1, output, input.length)).toBe(false);
    expect(decompressLzf(packed, 0, size, output, input.length - 1)).toBe(false);
  });
});
