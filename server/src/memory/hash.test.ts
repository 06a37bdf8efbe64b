import { describe, expect, it } from "vitest";
import { hashBytes } from "./hash.ts";

/** HalfSipHash-c-d written straight from its definition, on unsigned words. */
function reference(
  compressionRounds: number,
  finishRounds: number,
  message: Buffer,
  seed0: number,
  seed1: number,
): number {
  const v = new Uint32Array([seed0, seed1, 0x6c796765 ^ seed0, 0x74656462 ^ seed1]) as Uint32Array & {
    [index: number]: number;
  };
  const rotate = (value: number, by: number) => ((value << by) | (value >>> (32 - by))) >>> 0;
  const read = (i: number) => v[i] as number;
  const round = () => {
    v[0] = read(0) + read(1);
    v[1] = rotate(read(1), 5) ^ read(0);
    v[0] = rotate(read(0), 16);
    v[2] = read(2) + read(3);
    v[3] = rotate(read(3), 8) ^ read(2);
    v[0] = read(0) + read(3);
    v[3] = rotate(read(3), 7) ^ read(0);
    v[2] = read(2) + read(1);
    v[1] = rotate(read(1), 13) ^ read(2);
    v[2] = rotate(read(2), 16);
  };
  const words: number[] = [];
  const whole = message.length & ~3;
  for (let i = 0; i < whole; i += 4) words.push(message.readUInt32LE(i));
  let last = (message.length << 24) >>> 0;
  for (let i = whole; i < message.length; i++) last |= (message[i] as number) << (8 * (i - whole));
  words.push(last >>> 0);
  for (const word of words) {
    v[3] = read(3) ^ word;
    for (let i = 0; i < compressionRounds; i++) round();
    v[0] = read(0) ^ word;
  }
  v[2] = read(2) ^ 0xff;
  for (let i = 0; i < finishRounds; i++) round();
  return (read(1) ^ read(3)) | 0;
}

describe("hashBytes", () => {
  it("is HalfSipHash-1-3 for every length and alignment", () => {
    for (let length = 0; length < 70; length++) {
      for (let offset = 0; offset < 5; offset++) {
        const buffer = Buffer.alloc(offset + length + 3, 0xee);
        for (let i = 0; i < length; i++) buffer[offset + i] = (i * 37 + length * 11) & 0xff;
        const message = Buffer.from(buffer.subarray(offset, offset + length));
        for (const [seed0, seed1] of [
          [0x03020100, 0x07060504],
          [-1, 0x12345678],
          [0, 0],
        ] as const) {
          expect(hashBytes(buffer, offset, length, seed0, seed1)).toBe(reference(1, 3, message, seed0, seed1));
        }
      }
    }
  });

  it("is checked against a reference that gives the published HalfSipHash-2-4 values", () => {
    const published = ["a9359f5b", "27475ab8", "fa62a603", "8afee704"];
    published.forEach((expected, length) => {
      const message = Buffer.from(Array.from({ length }, (_, i) => i));
      const result = Buffer.alloc(4);
      result.writeInt32LE(reference(2, 4, message, 0x03020100, 0x07060504));
      expect(result.toString("hex")).toBe(expected);
    });
  });

  it("spreads keys that differ in one digit over all 32 bits", () => {
    const seen = new Set<number>();
    let ones = 0;
    for (let i = 0; i < 10_000; i++) {
      const key = Buffer.from(`key:${i}`);
      const hash = hashBytes(key, 0, key.length, 1, 2);
      seen.add(hash);
      for (let bit = 0; bit < 32; bit++) ones += (hash >>> bit) & 1;
    }
    expect(seen.size).toBeGreaterThan(9_990);
    expect(ones / 320_000).toBeCloseTo(0.5, 2);
  });
});
