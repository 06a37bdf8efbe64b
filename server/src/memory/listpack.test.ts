import { describe, expect, it } from "vitest";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { hasReferenceServer, ReferenceClient, startReferenceServer } from "../testing/reference-server.ts";
import { Arena } from "./arena.ts";
import { ByteSpan } from "./byte-span.ts";
import { Int64 } from "./int64.ts";
import {
  copyIntset,
  createIntset,
  findInIntset,
  insertInIntset,
  intsetBytes,
  intsetCount,
  isValidIntset,
  readIntset,
  removeFromIntset,
} from "./intset.ts";
import {
  appendToListpack,
  copyListpack,
  createListpack,
  deleteFromListpack,
  findInListpack,
  insertInListpack,
  isValidListpack,
  LISTPACK_HEADER,
  listpackBytes,
  listpackCount,
  listpackEnd,
  NOT_FOUND,
  nextPosition,
  previousPosition,
  readListpack,
  replaceInListpack,
  seekListpack,
} from "./listpack.ts";
import { EncodedEntry } from "./listpack-entry.ts";

/** Values at every boundary of the format. */
const SHAPES = [
  "",
  "a",
  "0",
  "1",
  "127",
  "128",
  "-1",
  "4095",
  "4096",
  "-4096",
  "-4097",
  "32767",
  "32768",
  "-32768",
  "-32769",
  "8388607",
  "8388608",
  "-8388608",
  "-8388609",
  "2147483647",
  "2147483648",
  "-2147483648",
  "-2147483649",
  "9007199254740993",
  "9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  "007",
  "-0",
  "+1",
  "1.5",
  "x".repeat(62),
  "x".repeat(63),
  "x".repeat(64),
  "x".repeat(126),
  "x".repeat(127),
  "y".repeat(200),
  "z".repeat(4095),
];

const encoded = (entry: EncodedEntry, value: string): EncodedEntry => {
  const bytes = Buffer.from(value, "latin1");
  entry.encode(bytes, 0, bytes.length);
  return entry;
};

const rawBytes = (arena: Arena, handle: number, length: number): Buffer => {
  const at = (handle & 0x7fffff) << 3;
  return Buffer.from((arena.bytes[handle >>> 23] as Buffer).subarray(at, at + length));
};

function contents(arena: Arena, handle: number): string[] {
  const span = new ByteSpan();
  const values: string[] = [];
  for (let at = LISTPACK_HEADER; at !== listpackEnd(arena, handle); at = nextPosition(arena, handle, at)) {
    readListpack(arena, handle, at, span);
    values.push(span.toBuffer().toString("latin1"));
  }
  return values;
}

function randomValue(random: Random): string {
  if (random.below(3) === 0) return SHAPES[random.below(SHAPES.length)] as string;
  if (random.below(2) === 0) return String((random.uint32() >>> random.below(32)) * (random.below(2) * 2 - 1));
  return "v".repeat(random.below(40)) + random.below(50);
}

describe("listpack", () => {
  it.each([1, 2, 3])("follows a plain array through random edits and frees what it took (seed %i)", (seed) => {
    const random = createSeededRandom(seed);
    const arena = new Arena();
    const before = arena.usedBytes;
    const entry = new EncodedEntry();
    let handle = createListpack(arena);
    const model: string[] = [];
    for (let round = 0; round < 1500; round++) {
      const value = randomValue(random);
      const index = random.below(model.length + 1);
      const position = index === model.length ? listpackEnd(arena, handle) : seekListpack(arena, handle, index);
      const kind = random.below(model.length > 120 ? 8 : 5);
      if (kind < 3) {
        handle = insertInListpack(arena, handle, position, encoded(entry, value));
        model.splice(index, 0, value);
      } else if (kind === 3 && index < model.length) {
        handle = replaceInListpack(arena, handle, position, encoded(entry, value));
        model[index] = value;
      } else if (index < model.length) {
        const entries = 1 + random.below(Math.min(3, model.length - index));
        handle = deleteFromListpack(arena, handle, position, entries);
        model.splice(index, entries);
      }
      const needle = randomValue(random);
      const found = findInListpack(arena, handle, LISTPACK_HEADER, encoded(entry, needle), 0);
      const expected = model.indexOf(needle);
      expect(found, `seed ${seed} round ${round}`).toBe(
        expected < 0 ? NOT_FOUND : seekListpack(arena, handle, expected),
      );
      if (round % 50 === 0) expect(contents(arena, handle), `seed ${seed} round ${round}`).toEqual(model);
    }
    expect(contents(arena, handle)).toEqual(model);
    expect(listpackCount(arena, handle)).toBe(model.length);
    const bytes = rawBytes(arena, handle, listpackBytes(arena, handle));
    expect(isValidListpack(bytes, 0, bytes.length)).toBe(true);
    let at = listpackEnd(arena, handle);
    for (let k = model.length - 1; k >= 0; k--) {
      at = previousPosition(arena, handle, at);
      expect(at).toBe(seekListpack(arena, handle, k));
    }
    arena.free(handle);
    expect(arena.usedBytes).toBe(before);
  });

  it("finds only at every second entry when told so", () => {
    const arena = new Arena();
    const entry = new EncodedEntry();
    let handle = createListpack(arena);
    for (const value of ["a", "b", "b", "c"]) handle = appendToListpack(arena, handle, encoded(entry, value));
    expect(findInListpack(arena, handle, LISTPACK_HEADER, encoded(entry, "b"), 1)).toBe(seekListpack(arena, handle, 2));
    expect(findInListpack(arena, handle, LISTPACK_HEADER, encoded(entry, "c"), 1)).toBe(NOT_FOUND);
    expect(seekListpack(arena, handle, -1)).toBe(seekListpack(arena, handle, 3));
    expect(seekListpack(arena, handle, 4)).toBe(NOT_FOUND);
  });

  it("counts its entries where the header can no longer say", () => {
    const arena = new Arena();
    const entry = new EncodedEntry();
    let handle = createListpack(arena);
    for (let k = 0; k < 65_540; k++) handle = appendToListpack(arena, handle, encoded(entry, "7"));
    expect(listpackCount(arena, handle)).toBe(65_540);
    handle = deleteFromListpack(arena, handle, LISTPACK_HEADER, 10);
    expect(listpackCount(arena, handle)).toBe(65_530);
  });

  it("refuses damaged bytes from outside", () => {
    const arena = new Arena();
    const entry = new EncodedEntry();
    let handle = createListpack(arena);
    for (const value of SHAPES) handle = appendToListpack(arena, handle, encoded(entry, value));
    const good = rawBytes(arena, handle, listpackBytes(arena, handle));
    expect(isValidListpack(good, 0, good.length)).toBe(true);
    expect(contents(arena, copyListpack(arena, good, 0, good.length))).toEqual(SHAPES);
    expect(isValidListpack(good, 0, good.length - 1)).toBe(false);
    const random = createSeededRandom(5);
    for (let round = 0; round < 3000; round++) {
      const bad = Buffer.from(good);
      bad[random.below(bad.length)] = random.below(256);
      // Either refused, or the change only touched a payload: then it still walks to the end, both ways.
      if (isValidListpack(bad, 0, bad.length))
        expect(contents(arena, copyListpack(arena, bad, 0, bad.length))).toHaveLength(SHAPES.length);
    }
  });
});

describe("intset", () => {
  it("follows a sorted model through random edits at all widths", () => {
    for (const seed of [1, 2, 3]) {
      const random = createSeededRandom(seed);
      const arena = new Arena();
      const before = arena.usedBytes;
      const integer = new Int64();
      let handle = createIntset(arena);
      const model = new Set<bigint>();
      for (let round = 0; round < 1200; round++) {
        const shift = round < 300 ? 50 : round < 600 ? 34 : 3;
        const wide = BigInt.asIntN(64, (BigInt(random.uint32()) << 32n) | BigInt(random.uint32()));
        const value = random.below(3) === 0 ? BigInt(random.below(40) - 20) : wide >> BigInt(shift);
        integer.setBigInt(value);
        const index = findInIntset(arena, handle, integer);
        expect(index >= 0, `seed ${seed} round ${round}`).toBe(model.has(value));
        if (index < 0) {
          handle = insertInIntset(arena, handle, -1 - index, integer);
          model.add(value);
        } else if (random.below(2) === 0) {
          handle = removeFromIntset(arena, handle, index);
          model.delete(value);
        }
      }
      const sorted = [...model].sort((a, b) => (a < b ? -1 : 1));
      expect(intsetCount(arena, handle)).toBe(sorted.length);
      sorted.forEach((value, k) => {
        readIntset(arena, handle, k, integer);
        expect(integer.toBigInt()).toBe(value);
      });
      const bytes = rawBytes(arena, handle, intsetBytes(arena, handle));
      expect(isValidIntset(bytes, 0, bytes.length, integer)).toBe(true);
      expect(isValidIntset(bytes, 0, bytes.length - 1, integer)).toBe(false);
      bytes.copy(bytes, 8, 16, 24);
      expect(isValidIntset(bytes, 0, bytes.length, integer)).toBe(false);
      arena.free(handle);
      expect(arena.usedBytes).toBe(before);
    }
  });

  it("copies bytes from outside", () => {
    const arena = new Arena();
    const source = Buffer.from("0200000002000000ffff0500", "hex");
    const handle = copyIntset(arena, source, 0, source.length);
    const integer = new Int64();
    readIntset(arena, handle, 0, integer);
    expect(integer.toNumber()).toBe(-1);
    expect(intsetCount(arena, handle)).toBe(2);
  });
});

describe.runIf(hasReferenceServer)("packed bytes beside redis-server's", () => {
  it("are the same as in DUMP", async () => {
    const server = await startReferenceServer(
      "--hash-max-listpack-entries",
      "1000",
      "--hash-max-listpack-value",
      "5000",
      "--rdbcompression",
      "no",
    );
    const client = await ReferenceClient.connect(server.port);
    const arena = new Arena();
    const entry = new EncodedEntry();
    let handle = createListpack(arena);
    const pairs = SHAPES.flatMap((value, k) => [value, `f${k}`]);
    for (const value of pairs) handle = appendToListpack(arena, handle, encoded(entry, value));
    const members = ["5", "-3", "70000", "-70001", "12", "9223372036854775807", "-9223372036854775808"];
    const [, dump] = await client.send([
      ["HSET", "h", ...pairs],
      ["DUMP", "h"],
    ]);
    expect(payload(dump)).toEqual(rawBytes(arena, handle, listpackBytes(arena, handle)));

    const integer = new Int64();
    let intset = createIntset(arena);
    for (const member of members) {
      integer.setBigInt(BigInt(member));
      intset = insertInIntset(arena, intset, -1 - findInIntset(arena, intset, integer), integer);
      const [, set] = await client.send([
        ["SADD", "s", member],
        ["DUMP", "s"],
      ]);
      expect(payload(set)).toEqual(rawBytes(arena, intset, intsetBytes(arena, intset)));
    }
    client.close();
    await server.stop();
  });
});

/** The string inside a DUMP payload: type byte, length, bytes; then version and checksum, ten bytes. */
function payload(dump: unknown): Buffer {
  const bytes = dump as Buffer;
  const first = bytes[1] as number;
  const header = first < 0x40 ? 2 : first < 0x80 ? 3 : 6;
  return Buffer.from(bytes.subarray(header, bytes.length - 10));
}
