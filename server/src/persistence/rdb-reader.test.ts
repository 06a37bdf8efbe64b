import { describe, expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { CollectingHandler } from "./collecting-handler.ts";
import { file, hex, int64, read, readValue, sealed, short, ziplist } from "./hand-made-rdb.ts";
import { RdbError } from "./rdb-input.ts";
import { RdbReader } from "./rdb-reader.ts";

describe("RdbReader with the encodings of old versions", () => {
  test("reads plain lists, sets, hashes and sorted sets", () => {
    const two = [hex("02"), short("a"), short("b")];
    expect(readValue(1, 1, ...two)).toEqual(["a", "b"]);
    expect(readValue(1, 2, ...two)).toEqual(["a", "b"]);
    expect(readValue(1, 4, hex("01"), short("f"), short("v"))).toEqual({ f: "v" });
    const scores = [hex("03"), short("m"), short("1.5"), short("i"), hex("fe"), short("n"), hex("ff")];
    expect(readValue(1, 3, ...scores)).toEqual({ m: 1.5, i: Number.POSITIVE_INFINITY, n: Number.NEGATIVE_INFINITY });
    const binary = Buffer.alloc(8);
    binary.writeDoubleLE(-2.25);
    expect(readValue(8, 5, hex("01"), short("m"), binary)).toEqual({ m: -2.25 });
  });

  test("reads zipmaps, with unused bytes behind a value", () => {
    expect(readValue(2, 9, short(hex("02 01 66 03 02 766172 0000 01 67 00 00 ff")))).toEqual({ f: "var", g: "" });
  });

  test("reads ziplists with strings and integers of every width", () => {
    const parts = ["01 61", "f3", "c0 2cff", "fe 80", "f0 010080", "d0 ffffff7f", "e0 ffffffffffffff7f", "f1", "fd"];
    const block = ziplist(parts);
    const expected = ["a", "2", "-212", "-128", "-8388607", "2147483647", "9223372036854775807", "0", "12"];
    expect(readValue(6, 10, short(block))).toEqual(expected);
    expect(readValue(7, 14, hex("01"), short(block))).toEqual(expected);
    expect(readValue(6, 13, short(ziplist(["01 66", "01 76"])))).toEqual({ f: "v" });
    expect(readValue(6, 12, short(ziplist(["01 6d", "03 312e35"])))).toEqual({ m: 1.5 });
  });

  test("reads expiries in seconds and milliseconds, idle time, frequency and slot information", () => {
    const seconds = Buffer.alloc(4);
    seconds.writeInt32LE(2_000_000_000);
    const ms = Buffer.alloc(8);
    ms.writeBigInt64LE(2_000_000_000_123n);
    const string = (name: string) => Buffer.concat([hex("00"), short(name), short("v")]);
    const handler = read(
      file(
        12,
        hex("fe 03 fb 03 01 f4 05 01 01"),
        hex("fd"),
        seconds,
        hex("f8 20"),
        string("a"),
        hex("fc"),
        ms,
        hex("f9 07"),
        string("b"),
        string("c"),
      ),
    );
    const plain = { type: "string", value: "v" };
    expect(handler.keys["3:a"]).toEqual({ ...plain, expireAtMs: 2_000_000_000_000, idleSeconds: 32 });
    expect(handler.keys["3:b"]).toEqual({ ...plain, expireAtMs: 2_000_000_000_123, frequency: 7 });
    expect(handler.keys["3:c"]).toEqual({ ...plain, expireAtMs: 0 });
  });

  test("skips what a module noted beside the data", () => {
    const aux = Buffer.concat([
      hex("f7 81 0000000000000001 02 02 05"),
      short("text"),
      hex("02 07 04 0000000000000000 00"),
    ]);
    expect(read(file(9, aux, hex("00"), short("k"), short("v"))).keys["0:k"]?.value).toBe("v");
  });
});

describe("RdbReader with bad files", () => {
  const good = file(10, hex("00"), short("key"), short("value"));

  test.each([
    [
      "a stream of blocks without ids",
      file(10, hex("13"), short("k"), hex("01"), short("x")),
      "A block of a stream without an id",
    ],
    ["a function of a release candidate", file(10, hex("f6"), short("f")), "release candidate of Redis 7.0"],
    ["a module's value", file(10, hex("07"), short("k")), "module's value (type 7) at offset 9"],
    ["an unknown type", file(10, hex("50")), "Unknown type of value 80 at offset 9"],
    ["another signature", Buffer.from("RUBYS0010........"), "no RDB file at offset 0"],
    ["a newer version", Buffer.from("REDIS0099........"), "Cannot read RDB version 99"],
    ["a cut file", good.subarray(0, good.length - 10), "Unexpected end of file"],
    ["a changed byte", Buffer.concat([good.subarray(0, 15), hex("78"), good.subarray(16)]), "Wrong RDB checksum"],
    [
      "a compressed string too long to be true",
      file(10, hex("00 01 6b c3 03 80 3fffffff 000000")),
      "as long as it says",
    ],
    ["a damaged ziplist", file(6, hex("0a"), short("k"), short("garbage-garbage")), "Damaged block"],
    [
      "a damaged listpack",
      file(10, hex("10"), short("k"), short(hex("0a000000 0200 8161 0581 ff".replace("0581", "f5")))),
      "Damaged block",
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
  });

  test("takes a file without checksum and, if told so, one with a wrong checksum", () => {
    const wrong = Buffer.from(good);
    wrong[good.length - 1] = (wrong[good.length - 1] as number) ^ 1;
    const reader = new RdbReader({ handler: new CollectingHandler(), verifyChecksum: false });
    expect(reader.push(wrong, 0, wrong.length)).toBe(0);
    expect(reader.isDone).toBe(true);
    wrong.fill(0, good.length - 8);
    expect(read(wrong).order).toEqual(["0:key"]);
  });

  test("says how many bytes behind the end it did not take", () => {
    const reader = new RdbReader({ handler: new CollectingHandler(), verifyChecksum: true });
    expect(reader.push(Buffer.concat([good, Buffer.from("rest")]), 0, good.length + 4)).toBe(4);
    expect(reader.offset).toBe(good.length);
  });

  const various = file(
    9,
    Buffer.concat([hex("0d"), short("h"), short(ziplist(["01 66", "01 76"]))]),
    Buffer.concat([hex("0a"), short("l"), short(ziplist(["c0 2cff", "02 6162"]))]),
    Buffer.concat([hex("04"), short("p"), hex("01"), short("f"), short("v")]),
    Buffer.concat([hex("09"), short("z"), short(hex("01 01 66 01 00 76 ff"))]),
  );

  test("ends with a value or an RdbError for every mutated file with the right checksum, however it is cut", () => {
    const seed = 99;
    const random = createSeededRandom(seed);
    let readable = 0;
    for (let round = 0; round < 5000; round++) {
      const bytes = Buffer.from(various);
      for (let k = 1 + random.below(3); k > 0; k--) bytes[9 + random.below(bytes.length - 17)] = random.below(256);
      try {
        read(sealed(bytes), 1 + random.below(bytes.length));
        readable++;
      } catch (reason) {
        if (!(reason instanceof RdbError)) throw new Error(`seed ${seed}, round ${round}`, { cause: reason });
      }
    }
    expect(readable).toBeGreaterThan(500);
    expect(readable).toBeLessThan(5000);
  });

  test("refuses a file with any bit turned over; the one that makes it too old for a checksum leaves its data as it was", () => {
    const { keys } = read(various);
    const accepted: string[] = [];
    for (let at = 0; at < various.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bytes = Buffer.from(various);
        bytes[at] = (bytes[at] as number) ^ (1 << bit);
        const outcome = readOrRefusal(bytes);
        if (outcome instanceof RdbError) continue;
        accepted.push(bytes.toString("latin1", 0, 9));
        expect(outcome.keys).toEqual(keys);
      }
    }
    expect(Object.keys(keys)).toHaveLength(4);
    expect(accepted).toEqual(["REDIS0001"]);
  });
});

function readOrRefusal(bytes: Buffer): CollectingHandler | RdbError {
  try {
    return read(bytes);
  } catch (reason) {
    if (reason instanceof RdbError) return reason;
    throw reason;
  }
}

describe("RdbReader with hashes whose fields expire", () => {
  const base = hex("00c0 d1a5 8b01 0000");
  const baseMs = 0x018ba5d1c000;
  /** A listpack of triples f0 v0 time, f1 v1 time, …; times as 64-bit integers, or none. */
  function triples(...times: (number | undefined)[]): Buffer {
    const entries = times.map((time, k) => {
      const entry = time === undefined ? hex("00 01") : Buffer.concat([hex("f4"), int64(time), hex("09")]);
      return Buffer.concat([hex("82"), Buffer.from(`f${k}`), hex("03 82"), Buffer.from(`v${k}`), hex("03"), entry]);
    });
    const body = Buffer.concat(entries);
    const header = Buffer.alloc(6);
    header.writeUInt32LE(body.length + 7, 0);
    header.writeUInt16LE(times.length * 3, 4);
    return short(Buffer.concat([header, body, hex("ff")]));
  }

  test("reads tables, with times from the earliest on or, of a release candidate, as they are", () => {
    const fields = [short("a"), short("1"), hex("01"), short("b"), short("2"), hex("05"), short("c"), short("3")];
    expect(readValue(12, 24, base, hex("03 00"), ...fields)).toEqual({
      a: "1",
      b: `2 until ${baseMs}`,
      c: `3 until ${baseMs + 4}`,
    });
    const early = hex("81 0000 018b a5d1 c000");
    expect(readValue(12, 22, hex("01"), early, short("a"), short("1"))).toEqual({ a: `1 until ${baseMs}` });
  });

  test("reads listpacks of triples, with and without the earliest time before them", () => {
    const expected = { f0: `v0 until ${baseMs}`, f1: `v1 until ${baseMs + 9}`, f2: "v2" };
    expect(readValue(12, 25, base, triples(baseMs, baseMs + 9, undefined))).toEqual(expected);
    expect(readValue(12, 23, triples(baseMs, baseMs + 9, undefined))).toEqual(expected);
  });

  test.each([
    ["out of order", triples(baseMs + 1, baseMs)],
    ["none before one", triples(undefined, baseMs)],
    ["too large", triples(2 ** 48)],
    ["negative", triples(-1)],
    ["a field without its time", short(hex("0d000000 0200 8161 02 8162 02 ff"))],
  ])("refuses times that are %s", (_, block) => {
    expect(() => readValue(12, 25, base, block)).toThrow("Damaged block of a value of type 25");
  });

  test("refuses a base or a time beyond 48 bits", () => {
    const late = hex("0000 0000 0000 0100");
    expect(() => readValue(12, 24, late, hex("01 01"), short("a"), short("1"))).toThrow("out of range");
    expect(() => readValue(12, 24, base, hex("01 81 0001 0000 0000 0000"), short("a"), short("1"))).toThrow(
      "out of range",
    );
  });
});
