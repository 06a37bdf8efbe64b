import { describe, expect, test } from "vitest";
import { Crc64 } from "./crc64.ts";

function hex(crc: Crc64): string {
  const out = Buffer.alloc(8);
  crc.write(out, 0);
  return out.reverse().toString("hex");
}

describe("CRC64", () => {
  test("gives the check value of the Jones polynomial", () => {
    const crc = new Crc64();
    crc.update(Buffer.from("123456789"), 0, 9);
    expect(hex(crc)).toBe("e9c6d914c4b8d9ca");
  });

  test("does not depend on how the input is cut", () => {
    const input = Buffer.from(Array.from({ length: 1000 }, (_, k) => (k * 7919) & 255));
    const whole = new Crc64();
    whole.update(input, 0, input.length);
    for (const step of [1, 3, 8, 13, 257]) {
      const parts = new Crc64();
      for (let at = 0; at < input.length; at += step) parts.update(input, at, Math.min(at + step, input.length));
      expect(hex(parts)).toBe(hex(whole));
    }
  });
});
