import { expect, test } from "vitest";
import { Backlog } from "./backlog.ts";

const append = (backlog: Backlog, text: string): void => {
  const bytes = Buffer.from(text);
  backlog.append(bytes, 0, bytes.length);
};

const textFrom = (backlog: Backlog, offset: number, most?: number): string =>
  Buffer.concat(backlog.read(offset, most)).toString();

/** `bytes` of a stream whose byte at offset n says n, from offset `from` on. */
function stream(from: number, bytes: number): Buffer {
  const made = Buffer.alloc(bytes);
  for (let index = 0; index < bytes; index++) made[index] = (from + index) % 251;
  return made;
}

function appendStream(backlog: Backlog, bytes: number): void {
  backlog.append(stream(backlog.end + 1, bytes), 0, bytes);
}

function expectContent(backlog: Backlog): void {
  const { first, length } = backlog;
  expect(Buffer.concat(backlog.read(first)).equals(stream(first, length))).toBe(true);
}

test("a backlog gives the stream from any offset it still covers", () => {
  const backlog = new Backlog(8, 100);
  expect(backlog.covers(101)).toBe(true);
  expect(backlog.covers(100)).toBe(false);
  append(backlog, "abcde");
  expect([backlog.first, backlog.end, backlog.length]).toEqual([101, 105, 5]);
  expect(textFrom(backlog, 103)).toBe("cde");
  append(backlog, "fghij");
  expect([backlog.first, backlog.end, backlog.length]).toEqual([103, 110, 8]);
  expect(textFrom(backlog, 103)).toBe("cdefghij");
  expect(textFrom(backlog, 104, 3)).toBe("def");
  expect(textFrom(backlog, 111)).toBe("");
  expect(backlog.covers(102)).toBe(false);
  expect(backlog.covers(112)).toBe(false);
});

test("of an append larger than the backlog the tail stays", () => {
  const backlog = new Backlog(4, 0);
  append(backlog, "zz");
  append(backlog, "abcdefgh");
  expect(backlog.first).toBe(7);
  expect(textFrom(backlog, 7)).toBe("efgh");
});

test("a part of a buffer can be appended", () => {
  const backlog = new Backlog(16, 0);
  backlog.append(Buffer.from("__abc__"), 2, 5);
  expect(textFrom(backlog, 1)).toBe("abc");
});

test("a backlog of many blocks drops the oldest bytes and no others", () => {
  const backlog = new Backlog(300_000, 0);
  for (let k = 0; k < 40; k++) {
    appendStream(backlog, 1 + ((k * 7919) % 60_000));
    expect(backlog.length).toBe(Math.min(300_000, backlog.end));
    expectContent(backlog);
  }
});

test("bytes that were read stay as they are when the backlog has gone on", () => {
  const backlog = new Backlog(20_000, 0);
  appendStream(backlog, 20_000);
  const read = backlog.read(1);
  for (let k = 0; k < 10; k++) appendStream(backlog, 15_000);
  expect(Buffer.concat(read).equals(stream(1, 20_000))).toBe(true);
});

test("a backlog grows from the byte on that is needed, and shrinks again when it is not", () => {
  const backlog = new Backlog(1000, 0);
  appendStream(backlog, 5000);
  backlog.need(4501, 100_000);
  appendStream(backlog, 60_000);
  expect([backlog.first, backlog.grownBytes]).toEqual([4501, 59_500]);
  expectContent(backlog);
  backlog.need(40_001, 100_000);
  expect(backlog.first).toBe(40_001);
  expectContent(backlog);
  backlog.need(undefined, 100_000);
  expect([backlog.length, backlog.grownBytes]).toEqual([1000, 0]);
  expectContent(backlog);
});

test("a backlog does not grow beyond the limit, by many appends or by one", () => {
  const backlog = new Backlog(1000, 0);
  backlog.need(1, 50_000);
  for (let k = 0; k < 30; k++) {
    appendStream(backlog, 7000);
    expect(backlog.length).toBeLessThanOrEqual(50_000);
  }
  expect([backlog.length, backlog.covers(1)]).toEqual([50_000, false]);
  appendStream(backlog, 90_000);
  expect(backlog.length).toBe(50_000);
  expectContent(backlog);
});

test("resized, a backlog keeps what fits", () => {
  const backlog = new Backlog(50_000, 0);
  appendStream(backlog, 70_000);
  backlog.resize(100_000);
  expect([backlog.sizeBytes, backlog.first]).toEqual([100_000, 20_001]);
  appendStream(backlog, 10_000);
  expect(backlog.length).toBe(60_000);
  expectContent(backlog);
  backlog.resize(10_000);
  expect([backlog.length, backlog.end]).toEqual([10_000, 80_000]);
  expectContent(backlog);
});
