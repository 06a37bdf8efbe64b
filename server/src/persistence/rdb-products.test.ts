/** What Redis and Valkey each write in their own way: no server at hand writes it, so the files are made by hand. */

import { describe, expect, test } from "vitest";
import { file, hex, int64, listpack, read, readValue, short, valkeyFile } from "./hand-made-rdb.ts";

const MOMENT_MS = 2_000_000_000_123;

/** A hash with expiring fields as Valkey 9 writes it. */
const valkeyHash = Buffer.concat([
  ...[hex("16"), short("h"), hex("04")],
  ...[short("a"), short("1"), int64(MOMENT_MS)],
  ...[short("b"), short("2"), int64(-1)],
  ...[short("c"), short("3"), int64(0)],
  ...[short("d"), hex("c0 7b"), int64(MOMENT_MS + 1)],
]);

const valkeyHashRead = {
  a: `1 until ${MOMENT_MS}`,
  b: "2",
  c: "3 until 1",
  d: `123 until ${MOMENT_MS + 1}`,
};

test("reads sets in one listpack, of Redis 7.2 and Valkey", () => {
  const set = short(listpack(["816202", "816102", "0501"]));
  expect(readValue(11, 20, set)).toEqual(["5", "a", "b"]);
  expect(read(valkeyFile(hex("14"), short("k"), set)).keys["0:k"]?.value).toEqual(["5", "a", "b"]);
});

describe("files of Valkey", () => {
  test("have the types of Redis 7.2", () => {
    const parts = [hex("00"), short("k"), short("v"), hex("04"), short("h"), hex("01"), short("f"), short("w")];
    const { keys } = read(valkeyFile(...parts));
    expect(keys["0:k"]?.value).toBe("v");
    expect(keys["0:h"]?.value).toEqual({ f: "w" });
  });

  test("have the time of a field behind it, whatever pieces they arrive in", () => {
    const bytes = valkeyFile(valkeyHash, hex("00"), short("k"), short("v"));
    for (const step of [1, 7, bytes.length]) {
      const { keys } = read(bytes, step);
      expect(keys["0:h"]).toEqual({ type: "hash", value: valkeyHashRead, expireAtMs: 0 });
      expect(keys["0:k"]?.value).toBe("v");
    }
  });

  test.each([
    ["before all time", -2],
    ["beyond 48 bits", 2 ** 48],
  ])("are refused with a time of a field %s", (_, time) => {
    const bytes = valkeyFile(hex("16"), short("h"), hex("01"), short("a"), short("1"), int64(time));
    expect(() => read(bytes)).toThrow("An expiry time of a field that is out of range");
  });

  test("may have been written while slots came in", () => {
    const slotImport = Buffer.concat([hex("f3"), short("job".padEnd(40, "0")), hex("02 00 05 40ff 7fff")]);
    const bytes = valkeyFile(slotImport, hex("00"), short("k"), short("v"));
    for (const step of [1, bytes.length]) expect(read(bytes, step).keys["0:k"]?.value).toBe("v");
    const tooMany = valkeyFile(hex("f3"), short("job"), hex("80 00004001"));
    expect(() => read(tooMany)).toThrow("An import of 16385 ranges of slots");
  });

  test.each([
    ["a type of Redis 7.4", valkeyFile(hex("18"), short("k")), "Unknown type of value 24 at offset 9"],
    ["a type of a later Valkey", valkeyFile(hex("17"), short("k")), "Unknown type of value 23 at offset 9"],
    ["a later version", Buffer.from("VALKEY081........"), "Cannot read RDB version 81"],
    ["a version of Redis under Valkey's name", Buffer.from("VALKEY011........"), "Cannot read RDB version 11"],
  ])("are refused with %s", (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
  });
});

test.each([
  ["Valkey's opcode", file(12, hex("f3"), short("job"), hex("00")), "Unknown type of value 243 at offset 9"],
  ["Valkey's version", Buffer.from("REDIS0080........"), "Cannot read RDB version 80"],
])("files of Redis are refused with %s", (_, bytes, message) => {
  expect(() => read(bytes)).toThrow(message);
});
