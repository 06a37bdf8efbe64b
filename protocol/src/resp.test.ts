import { expect, test } from "vitest";
import { RespDecoder, RespError, RespProtocolError, RespPush, type RespValue } from "./resp-decoder.ts";
import { encodeCommand } from "./resp-encoder.ts";

const decodeByteByByte = (text: string): RespValue[] => {
  const decoder = new RespDecoder();
  const values: RespValue[] = [];
  for (const byte of Buffer.from(text)) {
    decoder.push(Uint8Array.of(byte));
    for (let value = decoder.next(); value !== undefined; value = decoder.next()) values.push(value);
  }
  return values;
};

test("encodeCommand writes bulk strings and is binary-safe", () => {
  expect(encodeCommand(["SET", Buffer.from([0, 255, 13]), 12]).toString("latin1")).toBe(
    "*3\r\n$3\r\nSET\r\n$3\r\n\x00\xff\r\r\n$2\r\n12\r\n",
  );
});

test("RespDecoder gives every type of RESP2 whole however the bytes are cut", () => {
  expect(
    decodeByteByByte("+OK\r\n:12\r\n:9223372036854775807\r\n$-1\r\n*-1\r\n$5\r\na\r\nbc\r\n*2\r\n$1\r\na\r\n*0\r\n"),
  ).toEqual(["OK", 12, 9223372036854775807n, null, null, Buffer.from("a\r\nbc"), [Buffer.from("a"), []]]);
  const [error] = decodeByteByByte("-ERR no\r\n");
  expect(error).toBeInstanceOf(RespError);
  expect((error as RespError).message).toBe("ERR no");
});

test("RespDecoder gives the types of RESP3", () => {
  const values = decodeByteByByte(
    "_\r\n#t\r\n,1.5\r\n,-inf\r\n(123\r\n=7\r\ntxt:abc\r\n~1\r\n:1\r\n%1\r\n+k\r\n:1\r\n>1\r\n+m\r\n",
  );
  expect(values.slice(0, 7)).toEqual([null, true, 1.5, -Infinity, 123n, Buffer.from("abc"), [1]]);
  expect(values[7]).toEqual(new Map([["k", 1]]));
  expect(values[8]).toEqual(new RespPush(["m"]));
});

test("RespDecoder refuses lengths beyond its limits and unknown types", () => {
  const decoder = new RespDecoder({ maxBulkBytes: 10, maxDepth: 2, maxElements: 3 });
  decoder.push(Buffer.from("$11\r\n"));
  expect(() => decoder.next()).toThrow(RespProtocolError);
  const deep = new RespDecoder({ maxBulkBytes: 10, maxDepth: 2, maxElements: 3 });
  deep.push(Buffer.from("*1\r\n*1\r\n*1\r\n*1\r\n"));
  expect(() => deep.next()).toThrow("nested deeper");
  const unknown = new RespDecoder();
  unknown.push(Buffer.from("?\r\n"));
  expect(() => unknown.next()).toThrow("Unexpected reply type");
});

test("takeRest hands over the undecoded bytes", () => {
  const decoder = new RespDecoder();
  decoder.push(Buffer.from("+OK\r\nREDIS0010"));
  expect(decoder.next()).toBe("OK");
  expect(decoder.takeRest().toString()).toBe("REDIS0010");
});
