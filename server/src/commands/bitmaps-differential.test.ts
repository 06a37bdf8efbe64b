/** Bitmaps and bit fields against redis-server: every range, every width, every overflow, every error. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { NUMBERS, Script, VALUES, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

/** Growth of used memory that is none of the value's. */
const KEPT_BYTES = 100_000;
const KEYS = ["a", "b", "c", "d", "none", "list"];
const UNITS = ["BYTE", "BIT", "bit", "byte"];
const OFFSETS = [...NUMBERS, "7", "8", "63", "64", "536870911", "536870912", "4294967296", "34359738368", "#1", "#"];
const TYPES = [
  "u1",
  "i1",
  "u7",
  "i8",
  "u8",
  "i16",
  "u31",
  "i32",
  "u32",
  "i33",
  "i53",
  "i63",
  "u63",
  "i64",
  "u62",
  "i5",
];
const BAD_TYPES = ["u64", "i65", "u0", "i0", "x8", "u", "", "i-1", "u 8", "i08", "I8", "U8", "i8\0", "u8\0x", "i1e1"];
const AMOUNTS = ["9223372036854775807", "-9223372036854775808", "1", "-1", "127", "-128", "255", "4294967295", "0"];

describe.runIf(hasReferenceServer)("bitmaps beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[], seed?: number): Promise<number> =>
    compareServers({ ports: pair.ports, steps, normalisers: KNOWN_DIFFERENCES, seed });

  test.each([
    [51, "2"],
    [52, "3"],
    [53, "2"],
    [54, "3"],
  ])("random scripts agree (seed %i, RESP%s)", async (fallback, protocol) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const steps: Step[] = [{ args: ["HELLO", protocol] }, { args: ["RPUSH", "list", "x"] }];
    for (let i = 0; i < 4000; i++) {
      const args = randomStep(script);
      steps.push({ args });
      if (script.once(4))
        steps.push({ args: [script.pick(["GET", "OBJECT ENCODING", "TTL"]), args[1] ?? ""].flatMap(words) });
    }
    expect(await compare(steps, seed)).toBe(steps.length);
  });

  test("ranges of bits and bytes agree over all pairs of edge offsets", async () => {
    const steps: Step[] = [];
    const offsets = [...NUMBERS, "3", "7", "8", "9", "15", "23", "24", "-8", "-9", "-24", "-25"];
    const values = ["", Buffer.from([0, 0, 0]), Buffer.from([255, 255, 255]), Buffer.from([0, 0x18, 0]), "123"];
    for (const value of values) {
      steps.push({ args: ["SET", "k", value] });
      for (const bit of ["0", "1"]) steps.push({ args: ["BITPOS", "k", bit] }, { args: ["BITCOUNT", "k"] });
      for (const start of offsets) {
        for (const bit of ["0", "1"]) steps.push({ args: ["BITPOS", "k", bit, start] });
        for (const end of offsets) {
          for (const unit of [[], ["BIT"], ["BYTE"]]) {
            steps.push({ args: ["BITCOUNT", "k", start, end, ...unit] });
            for (const bit of ["0", "1"]) steps.push({ args: ["BITPOS", "k", bit, start, end, ...unit] });
          }
        }
      }
    }
    expect(await compare(steps)).toBe(steps.length);
  });

  test("offsets and bits that are none are refused in the same words", async () => {
    const steps: Step[] = [{ args: ["RPUSH", "list", "x"] }];
    for (const key of ["k", "none", "list"]) {
      for (const n of OFFSETS.filter((text) => text !== "999999999" && !/^[1-9]\d{8,9}$/.test(text))) {
        steps.push({ args: ["SETBIT", key, n, "1"] }, { args: ["SETBIT", key, "3", n] }, { args: ["GETBIT", key, n] });
        steps.push({ args: ["BITPOS", key, n] }, { args: ["BITPOS", key, "1", n] }, { args: ["BITCOUNT", key, n] });
        steps.push({ args: ["BITCOUNT", key, n, n, n] }, { args: ["BITPOS", key, "1", "0", n, "BAD"] });
        steps.push({ args: ["BITCOUNT", key, "0", "1", "BIT", n] }, { args: ["BITPOS", key, "0", "0", "1", "BIT", n] });
        steps.push({ args: ["BITFIELD", key, "GET", "u8", n] }, { args: ["BITFIELD_RO", key, "GET", "i8", n] });
        steps.push({ args: ["BITFIELD", key, "SET", "u8", n, "1"] }, { args: ["BITFIELD", key, "SET", "u8", "0", n] });
        steps.push({ args: ["BITFIELD", key, "INCRBY", "i64", `#${n}`, "1"] }, { args: ["DEL", "k", "none"] });
      }
      for (const type of [...TYPES, ...BAD_TYPES]) {
        steps.push(
          { args: ["BITFIELD", key, "GET", type, "0"] },
          { args: ["BITFIELD_RO", key, "SET", type, "0", "1"] },
        );
      }
      for (const tail of [
        ["GET"],
        ["GET", "u8"],
        ["OVERFLOW"],
        ["OVERFLOW", "BAD"],
        ["OVERFLOW", "SAT"],
        ["BAD"],
        [],
      ]) {
        steps.push({ args: ["BITFIELD", key, ...tail] }, { args: ["BITFIELD_RO", key, ...tail] });
        steps.push({ args: ["BITFIELD", key, "SET", "u8", "0", "1", ...tail] }, { args: ["EXISTS", key] });
      }
      for (const name of ["NOT", "AND", "not", "NAND", "", "ORX"]) {
        steps.push({ args: ["BITOP", name, "d", key, "k"] }, { args: ["BITOP", name, key, "k"] });
      }
    }
    expect(await compare(steps)).toBe(steps.length);
  });

  test("the last bit that there may be is set and found, and its memory comes back", async () => {
    const steps: Step[] = [
      ...["SETBIT big 4294967295 1", "GETBIT big 4294967295", "BITPOS big 1", "STRLEN big"],
      ...["SETBIT big 4294967296 1", "DEL big"],
    ].map((line) => ({ args: line.split(" ") }));
    const before = await usedMemory(pair.ports.ours);
    expect(await compare(steps)).toBe(steps.length);
    expect(await usedMemory(pair.ports.ours)).toBeLessThan(before + KEPT_BYTES);
  }, 60_000);

  test("fields of every width overflow alike", async () => {
    const steps: Step[] = [];
    for (let bits = 1; bits <= 64; bits++) {
      for (const type of bits === 64 ? ["i64"] : [`i${bits}`, `u${bits}`]) {
        for (const overflow of ["WRAP", "SAT", "FAIL"]) {
          for (const amount of AMOUNTS) {
            const offset = String(bits % 9);
            steps.push({ args: ["BITFIELD", "f", "OVERFLOW", overflow, "SET", type, offset, amount] });
            for (const more of AMOUNTS.slice(0, 5)) {
              steps.push({
                args: ["BITFIELD", "f", "OVERFLOW", overflow, "INCRBY", type, offset, more, "GET", type, offset],
              });
            }
          }
        }
      }
      steps.push({ args: ["GET", "f"] });
    }
    expect(await compare(steps)).toBe(steps.length);
  });
});

async function usedMemory(port: number): Promise<number> {
  const client = await RawClient.connect(port);
  const info = await client.text("INFO", "memory");
  client.close();
  return Number(/used_memory:(\d+)/.exec(info)?.[1]);
}

function words(part: Word): Word[] {
  return typeof part === "string" ? part.split(" ") : [part];
}

function randomStep(script: Script): Word[] {
  const key = script.pick(KEYS);
  const offset = (): string => (script.once(30) ? script.pick(NUMBERS.slice(0, 6)) : String(script.random.below(600)));
  switch (script.random.below(11)) {
    case 0:
      return [
        "SET",
        key,
        script.once(2) ? randomBytes(script) : script.pick(VALUES),
        ...(script.once(4) ? ["EX", "10000"] : []),
      ];
    case 1:
    case 2:
      return [
        "SETBIT",
        key,
        String(script.random.below(600)),
        script.once(20) ? script.number() : String(script.random.below(2)),
      ];
    case 3:
      return ["GETBIT", key, offset()];
    case 4:
      return ["BITCOUNT", key, ...range(script)];
    case 5:
      return ["BITPOS", key, script.pick(["0", "1"]), ...range(script), ...(script.once(20) ? ["X"] : [])];
    case 6:
    case 7:
      return ["BITOP", script.pick(["AND", "or", "XOR", "NOT"]), script.pick(KEYS), key, ...script.some(KEYS, 3)];
    case 8:
      return [
        "BITFIELD_RO",
        key,
        "GET",
        script.pick(TYPES),
        offset(),
        ...(script.once(9) ? ["SET", "u8", "0", "1"] : []),
      ];
    case 9:
      return script.once(3) ? ["DEL", key] : ["APPEND", key, randomBytes(script)];
    default:
      return ["BITFIELD", key, ...Array.from({ length: 1 + script.random.below(4) }, () => fieldStep(script)).flat()];
  }
}

function range(script: Script): Word[] {
  if (script.once(4)) return [];
  const unit = script.once(2) ? [script.pick(UNITS)] : [];
  const index = (): string => String(script.random.below(script.once(2) ? 100 : 1000) - script.random.below(500));
  return script.once(6) ? [index()] : [index(), index(), ...unit];
}

function fieldStep(script: Script): Word[] {
  const type = script.pick(TYPES);
  const offset = `${script.pick(["", "#"])}${script.random.below(20)}`;
  const amount = script.once(3) ? script.pick(AMOUNTS) : String(script.random.below(1000) - 500);
  const overflow = script.once(2) ? [] : ["OVERFLOW", script.pick(["wrap", "SAT", "FAIL"])];
  if (script.once(3)) return ["GET", type, offset];
  return [...overflow, script.pick(["SET", "INCRBY"]), type, offset, amount];
}

function randomBytes(script: Script): Buffer {
  const fill = script.pick([0, 255, -1]);
  const bytes = Buffer.alloc(script.random.below(70), Math.max(0, fill));
  if (fill < 0) for (let i = 0; i < bytes.length; i++) bytes[i] = script.random.below(256);
  return bytes;
}
