import { expect, test } from "vitest";
import { Backlog } from "./backlog.ts";

const append = (backlog: Backlog, text: string): void => {
  const bytes = Buffer.from(text);
  backlog.append(bytes, 0, bytes.length);
};

test("a backlog gives the stream from any offset it still covers", () => {
  const backlog = new Backlog(8, 100);
  expect(backlog.covers(101)).toBe(true);
  expect(backlog.covers(100)).toBe(false);
  append(backlog, "abcde");
  expect([backlog.first, backlog.end, backlog.length]).toEqual([101, 105, 5]);
  expect(backlog.from(103).toString()).toBe("cde");
  append(backlog, "fghij");
  expect([backlog.first, backlog.end, backlog.length]).toEqual([103, 110, 8]);
  expect(backlog.from(103).toString()).toBe("cdefghij");
  expect(backlog.from(111).length).toBe(0);
  expect(backlog.covers(102)).toBe(false);
  expect(backlog.covers(112)).toBe(false);
});

test("of an append larger than the ring the tail stays", () => {
  const backlog = new Backlog(4, 0);
  append(backlog, "abcdefghij");
  expect(backlog.first).toBe(7);
  expect(backlog.from(7).toString()).toBe("ghij");
});

test("a part of a buffer can be appended", () => {
  const backlog = new Backlog(16, 0);
  backlog.append(Buffer.from("__abc__"), 2, 5);
  expect(backlog.from(1).toString()).toBe("abc");
});
