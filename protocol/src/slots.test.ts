import { expect, test } from "vitest";
import { crc16, keySlot } from "./slots.ts";

const slotOf = (key: string): number => {
  const bytes = Buffer.from(key);
  return keySlot(bytes, 0, bytes.length);
};

test("crc16 gives the check value of CRC-16/XMODEM", () => {
  expect(crc16(Buffer.from("123456789"), 0, 9)).toBe(0x31c3);
});

test("keySlot agrees with the slots redis-server gives", () => {
  expect(slotOf("foo")).toBe(12182);
  expect(slotOf("bar")).toBe(5061);
  expect(slotOf("")).toBe(0);
});

test("keySlot hashes only the first non-empty hash tag", () => {
  expect(slotOf("{user1000}.following")).toBe(slotOf("user1000"));
  expect(slotOf("foo{}{bar}")).toBe(8363);
  expect(slotOf("foo{{bar}}zap")).toBe(slotOf("{bar"));
  expect(slotOf("foo{bar}{zap}")).toBe(slotOf("bar"));
  expect(slotOf("foo{bar")).toBe(crc16(Buffer.from("foo{bar"), 0, 7) & 16383);
});
