import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { expect, test } from "vitest";
import type { Call } from "../commands/call.ts";
import { INCOMPLETE, MALFORMED, RequestParser } from "./request-parser.ts";

/** The part of a Call that the parser fills. */
function emptyCall(): Call {
  const call = {
    buffer: Buffer.alloc(0),
    argc: 0,
    offset: new Int32Array(4),
    length: new Int32Array(4),
    reserve(count: number): void {
      if (count <= call.offset.length) return;
      const offset = new Int32Array(count * 2);
      const length = new Int32Array(count * 2);
      offset.set(call.offset);
      length.set(call.length);
      call.offset = offset;
      call.length = length;
    },
  };
  return call as unknown as Call;
}

function argumentsOf(call: Call): string[] {
  const args: string[] = [];
  for (let i = 0; i < call.argc; i++) {
    const start = call.offset[i] as number;
    args.push(call.buffer.toString("latin1", start, start + (call.length[i] as number)));
  }
  return args;
}

function parse(text: string, authenticated = true): { result: number; args: string[]; error: string } {
  const parser = new RequestParser();
  const call = emptyCall();
  const bytes = Buffer.from(text, "latin1");
  const result = parser.parse(bytes, 0, bytes.length, call, authenticated);
  return { result, args: argumentsOf(call), error: parser.error };
}

test("a request is whole at its last byte and incomplete at every byte before", () => {
  const bytes = encodeCommand(["SET", "key", Buffer.from([0, 13, 10, 255]), "EX", "10", "NX", ""]);
  for (let end = 1; end < bytes.length; end++) {
    expect(new RequestParser().parse(bytes, 0, end, emptyCall(), true), `cut at ${end}`).toBe(INCOMPLETE);
  }
  const call = emptyCall();
  expect(new RequestParser().parse(bytes, 0, bytes.length, call, true)).toBe(bytes.length);
  expect(argumentsOf(call)).toEqual(["SET", "key", "\x00\r\n\xff", "EX", "10", "NX", ""]);
});

test("an incomplete large argument says how many bytes are needed", () => {
  const parser = new RequestParser();
  const bytes = Buffer.from("*2\r\n$3\r\nGET\r\n$1000\r\nabc");
  expect(parser.parse(bytes, 0, bytes.length, emptyCall(), true)).toBe(INCOMPLETE);
  expect(parser.needed).toBe("*2\r\n$3\r\nGET\r\n$1000\r\n".length + 1002);
});

test("empty requests are passed over", () => {
  for (const text of ["*0\r\n", "*-1\r\n", "\r\n", "   \r\n"]) {
    expect(parse(text)).toMatchObject({ result: text.length, args: [] });
  }
});

test("inline requests are split at blanks, with quotes and escapes", () => {
  expect(parse('SET "a b" \'c\\\'d\' "\\x41\\n\\"" e\n').args).toEqual(["SET", "a b", "c'd", 'A\n"', "e"]);
  expect(parse("  PING\t hello \r\n").args).toEqual(["PING", "hello"]);
  expect(parse('GET "a\r\n')).toMatchObject({ result: MALFORMED, error: "unbalanced quotes in request" });
  expect(parse('GET "a"b\r\n')).toMatchObject({ result: MALFORMED, error: "unbalanced quotes in request" });
});

test("malformed requests give Redis' protocol errors", () => {
  expect(parse("*abc\r\n")).toMatchObject({ result: MALFORMED, error: "invalid multibulk length" });
  expect(parse("*99999999999\r\n")).toMatchObject({ result: MALFORMED, error: "invalid multibulk length" });
  expect(parse("*1\r\nGET\r\n")).toMatchObject({ result: MALFORMED, error: "expected '$', got 'G'" });
  expect(parse("*1\r\n$abc\r\n")).toMatchObject({ result: MALFORMED, error: "invalid bulk length" });
  expect(parse("*1\r\n$-5\r\n")).toMatchObject({ result: MALFORMED, error: "invalid bulk length" });
  expect(parse("*1\r\n$2147483648\r\n")).toMatchObject({ result: MALFORMED, error: "invalid bulk length" });
  expect(parse("a".repeat(70_000))).toMatchObject({ result: MALFORMED, error: "too big inline request" });
  expect(parse(`*${"1".repeat(70_000)}`)).toMatchObject({ result: MALFORMED, error: "too big mbulk count string" });
  expect(parse(`*1\r\n$${"1".repeat(70_000)}`)).toMatchObject({
    result: MALFORMED,
    error: "too big bulk count string",
  });
});

test("before authentication requests are small", () => {
  expect(parse("*11\r\n", false)).toMatchObject({ error: "unauthenticated multibulk length" });
  expect(parse("*1\r\n$16385\r\n", false)).toMatchObject({ error: "unauthenticated bulk length" });
  expect(parse("*2\r\n$4\r\nAUTH\r\n$3\r\nabc\r\n", false).args).toEqual(["AUTH", "abc"]);
});

test("a request of a hundred thousand arguments is one request", () => {
  const args = Array.from({ length: 100_000 }, (_, i) => `k${i}`);
  const bytes = encodeCommand(["DEL", ...args]);
  const call = emptyCall();
  expect(new RequestParser().parse(bytes, 0, bytes.length, call, true)).toBe(bytes.length);
  expect(call.argc).toBe(100_001);
});

test("a request of very many arguments is parsed a few times only while it arrives", () => {
  const bytes = encodeCommand(["DEL", ...Array.from({ length: 200_000 }, (_, i) => `key:${i}`)]);
  const parser = new RequestParser();
  const call = emptyCall();
  let attempts = 0;
  let result = INCOMPLETE;
  for (let end = 65_536; result === INCOMPLETE; end = Math.min(bytes.length, end + 65_536)) {
    if (end < parser.needed) continue;
    attempts++;
    result = parser.parse(bytes, 0, end, call, true);
    expect(parser.needed).toBeLessThanOrEqual(bytes.length);
  }
  expect(result).toBe(bytes.length);
  expect(call.argc).toBe(200_001);
  expect(attempts).toBeLessThan(16);
});
