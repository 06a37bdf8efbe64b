import { expect, test } from "vitest";
import { PayloadError, PayloadReader } from "./payload-reader.ts";

function readInPieces(text: string, size: number): { snapshot: string; rest: string; isDone: boolean } {
  let snapshot = "";
  let rest = "";
  const reader = new PayloadReader((bytes) => {
    snapshot += bytes.toString("latin1");
  });
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    rest += (reader.isDone ? piece : reader.push(piece)).toString("latin1");
  }
  return { snapshot, rest, isDone: reader.isDone };
}

const MARK = "0123456789abcdef0123456789abcdef01234567";

test("a snapshot of known length is found behind line breaks, however the bytes are cut", () => {
  for (const size of [1, 2, 7, 1000]) {
    expect(readInPieces("\n\n$10\r\nREDIS\n\r\n12*1\r\n", size)).toEqual({
      snapshot: "REDIS\n\r\n12",
      rest: "*1\r\n",
      isDone: true,
    });
  }
});

test("a snapshot ends at its mark, however the bytes are cut", () => {
  const body = `REDIS${MARK.slice(0, 39)}x${"y".repeat(100)}`;
  for (const size of [1, 3, 39, 40, 41, 1000]) {
    expect(readInPieces(`\n$EOF:${MARK}\r\n${body}${MARK}after`, size)).toEqual({
      snapshot: body,
      rest: "after",
      isDone: true,
    });
  }
});

test("an incomplete snapshot is not done", () => {
  expect(readInPieces("$10\r\nREDIS", 4)).toMatchObject({ snapshot: "REDIS", isDone: false });
});

test("anything but a snapshot is an error", () => {
  expect(() => readInPieces("-ERR no\r\n", 100)).toThrow(PayloadError);
  expect(() => readInPieces("+OK\r\n", 100)).toThrow("in place of a snapshot");
  expect(() => readInPieces("x".repeat(300), 100)).toThrow("no snapshot");
});
