import { describe, expect, test } from "vitest";
import { decimalLength, writeDecimal } from "./decimal.ts";

function written(value: number): string {
  const out = Buffer.alloc(24, "x");
  const end = writeDecimal(value, out, 3);
  expect(decimalLength(value)).toBe(end - 3);
  expect(out.toString("latin1", 0, 3) + out.toString("latin1", end)).toMatch(/^x+$/);
  return out.toString("latin1", 3, end);
}

describe("writeDecimal", () => {
  test("writes every power of ten, its neighbours and its negative as String does", () => {
    for (let exponent = 0; exponent <= 15; exponent++) {
      for (const near of [-1, 0, 1]) {
        const value = 10 ** exponent + near;
        expect(written(value)).toBe(String(value));
        expect(written(-value)).toBe(String(-value));
      }
    }
  });

  test("writes the edges of 32 bits and of safe integers", () => {
    for (const value of [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 1e8 * 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      expect(written(value)).toBe(String(value));
      expect(written(-value)).toBe(String(-value));
    }
  });

  test("writes a thousand numbers spread over all magnitudes", () => {
    for (let k = 0; k < 1000; k++) {
      const value = Math.floor(1.0362 ** k);
      expect(written(value)).toBe(BigInt(value).toString());
      if (value * 3 > Number.MAX_SAFE_INTEGER) break;
    }
  });
});
