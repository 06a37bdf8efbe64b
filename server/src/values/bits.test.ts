/** Counting, searching and combining of bits against the same done bit by bit, at every alignment. */

import { describe, expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { type ByteViews, combineBits, countBits, findBit, invertBits } from "./bits.ts";

const SEED = Number(process.env.SEED ?? 7);
const ROUNDS = 3000;
const SPACE_BYTES = 256;

function viewsOf(memory: ArrayBuffer): ByteViews {
  return { bytes: Buffer.from(memory), wide: new DataView(memory), words: new Int32Array(memory) };
}

function bitAt(bytes: Buffer, offset: number, bit: number): number {
  return ((bytes[offset + (bit >> 3)] as number) >> (7 - (bit & 7))) & 1;
}

describe(`bits of bytes (seed ${SEED})`, () => {
  test("counts and places agree with a walk over the bits", () => {
    const random = createSeededRandom(SEED);
    const views = viewsOf(new ArrayBuffer(SPACE_BYTES));
    for (let round = 0; round < ROUNDS; round++) {
      const background = random.below(3);
      for (let i = 0; i < SPACE_BYTES; i++) views.bytes[i] = [0, 255, random.below(256)][background] as number;
      const offset = random.below(20);
      const total = (SPACE_BYTES - offset) * 8;
      const first = random.below(total);
      const last = first + random.below(total - first);
      const changed = random.below(total);
      views.bytes[offset + (changed >> 3)] = random.below(256);
      const bits = Array.from({ length: last - first + 1 }, (_, i) => bitAt(views.bytes, offset, first + i));
      expect(countBits(views, offset, first, last)).toBe(bits.filter((bit) => bit === 1).length);
      for (const bit of [0, 1] as const) {
        const place = bits.indexOf(bit);
        expect(findBit(views, offset, first, last, bit)).toBe(place < 0 ? -1 : first + place);
      }
    }
  });

  test("combinations agree with those of single bytes and touch nothing around them", () => {
    const random = createSeededRandom(SEED + 1);
    const target = viewsOf(new ArrayBuffer(SPACE_BYTES));
    const source = viewsOf(new ArrayBuffer(SPACE_BYTES));
    for (let round = 0; round < ROUNDS; round++) {
      for (const { bytes } of [target, source]) for (let i = 0; i < SPACE_BYTES; i++) bytes[i] = random.below(256);
      const [to, from, length] = [random.below(20), random.below(20), random.below(SPACE_BYTES - 20)];
      const expected = Buffer.from(target.bytes);
      const operation = (["and", "or", "xor", "not"] as const)[random.below(4)] ?? "and";
      for (let i = 0; i < length; i++) {
        const left = expected[to + i] as number;
        const right = source.bytes[from + i] as number;
        expected[to + i] = { and: left & right, or: left | right, xor: left ^ right, not: ~left }[operation];
      }
      if (operation === "not") invertBits(target, to, length);
      else combineBits(operation, target, to, source, from, length);
      expect(target.bytes.equals(expected)).toBe(true);
    }
  });
});
