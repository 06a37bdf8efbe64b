import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { describe, expect, test } from "vitest";
import { scanFrames } from "./aof-frames.ts";

const KNOWN = new Set(["SET", "MULTI", "EXEC"]);
const knows = (bytes: Buffer, offset: number, length: number): boolean =>
  KNOWN.has(bytes.toString("latin1", offset, offset + length));

function scan(bytes: Buffer | string) {
  const buffer = Buffer.from(bytes as string);
  return scanFrames(buffer, 0, buffer.length, { knows });
}

const SET = encodeCommand(["SET", "k", Buffer.from([0, 13, 10, 42])]);

test("whole commands are taken together, up to an annotation or what is not whole", () => {
  expect(scan(Buffer.concat([SET, SET]))).toEqual({ kind: "commands", end: SET.length * 2, count: 2 });
  expect(scan(Buffer.concat([SET, Buffer.from("#TS:1\r\n"), SET]))).toEqual({
    kind: "commands",
    end: SET.length,
    count: 1,
  });
  expect(scan(Buffer.concat([SET, SET.subarray(0, 9)]))).toEqual({ kind: "commands", end: SET.length, count: 1 });
  expect(scan("#TS:1\r\nx")).toEqual({ kind: "annotation", end: 7 });
});

test("a command cut anywhere is incomplete, and says what it needs", () => {
  for (let cut = 0; cut < SET.length; cut++) {
    const found = scan(SET.subarray(0, cut));
    expect(found.kind, `cut at ${cut}`).toBe("incomplete");
    if (found.kind !== "incomplete") continue;
    expect(found.needed).toBeGreaterThan(cut);
    expect(found.needed).toBeLessThanOrEqual(SET.length);
  }
  expect(scan("*2\r\n$3\r\nSET\r\n$1000000\r\nab")).toEqual({ kind: "incomplete", needed: 1_000_000 + 25 });
});

describe("what no crash leaves behind is damage, with its place", () => {
  test.each([
    ["SET a b\r\n", 0],
    ["\0\0\0\0", 0],
    ["*0\r\n", 0],
    ["*-1\r\n", 0],
    ["*x\r\n", 0],
    ["*1\rx", 0],
    ["*1\r\n+SET\r\n", 4],
    ["*1\r\n$3\r\nSETxx", 11],
    ["*1\r\n$3x\r\nSET\r\n", 4],
    ["*1\r\n$03\r\nSET\r\n", 4],
    ["*01\r\n$3\r\nSET\r\n", 0],
    ["*9999999999999999999\r\n", 0],
  ])("%j", (text, position) => {
    expect(scan(text)).toEqual({ kind: "damaged", position });
  });
});

test("a command that the server does not know is not passed over", () => {
  const unknown = encodeCommand(["NOSUCH", "x"]);
  expect(scan(unknown)).toEqual({ kind: "unknown command", position: 0, name: "NOSUCH" });
  expect(scan(Buffer.concat([SET, unknown])).kind).toBe("commands");
});
