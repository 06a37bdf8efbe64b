import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { hasReferenceServer, ReferenceClient, startReferenceServer } from "../testing/reference-server.ts";
import { parseBound, parseDouble } from "./double-parse.ts";
import { formatDouble, writeDouble } from "./double-text.ts";
import { Int64, parseInteger } from "./int64.ts";
import { addLongDouble, formatLongDouble, parseLongDouble } from "./long-double.ts";

const bytesOf = (text: string): [Buffer, number, number] => [Buffer.from(`x${text}y`, "latin1"), 1, text.length];

describe("int64 text", () => {
  it("accepts exactly the canonical integers of 64 bits", () => {
    for (const text of ["0", "1", "-1", "127", "-128", "999999999999999", "1000000000000000", "9007199254740993"]) {
      expect(String(parseInteger(...bytesOf(text)))).toBe(text);
    }
    for (const text of ["9223372036854775807", "-9223372036854775808"]) {
      expect(parseInteger(...bytesOf(text))).toBe(BigInt(text));
    }
    for (const text of [
      "",
      "-",
      "-0",
      "00",
      "01",
      "+1",
      " 1",
      "1 ",
      "1.0",
      "1e3",
      "a",
      "9223372036854775808",
      "-9223372036854775809",
      "99999999999999999999",
      "1234567890123456a",
      "-123456789012345678901",
    ]) {
      expect(parseInteger(...bytesOf(text)), text).toBeUndefined();
    }
  });

  it("prints what it parsed, over all widths", () => {
    const random = createSeededRandom(7);
    const register = new Int64();
    const out = Buffer.alloc(32);
    for (let round = 0; round < 20_000; round++) {
      const wide = (BigInt(random.uint32()) << 32n) | BigInt(random.uint32());
      const value = BigInt.asIntN(64, wide) >> BigInt(random.below(64));
      const text = value.toString();
      expect(register.parse(...bytesOf(text)), text).toBe(true);
      expect(register.toBigInt()).toBe(value);
      expect(out.toString("latin1", 3, register.write(out, 3))).toBe(text);
    }
  });
});

describe("double text", () => {
  it("lays out as C's %.17g", () => {
    const cases: [number, string][] = [
      [0, "0"],
      [-0, "-0"],
      [3, "3"],
      [1.5, "1.5"],
      [0.1, "0.10000000000000001"],
      [1e-5, "1.0000000000000001e-05"],
      [0.0001, "0.0001"],
      [1e17, "1e+17"],
      [12345678901234567000, "1.2345678901234567e+19"],
      [-1e100, "-1e+100"],
      [5e-324, "4.9406564584124654e-324"],
      [2 ** 53, "9007199254740992"],
      [2 ** 56, "72057594037927936"],
      [Number.POSITIVE_INFINITY, "inf"],
      [Number.NEGATIVE_INFINITY, "-inf"],
    ];
    for (const [value, text] of cases) expect(formatDouble(value)).toBe(text);
    const out = Buffer.alloc(32);
    expect(out.toString("latin1", 1, writeDouble(out, 1, 1.5))).toBe("1.5");
  });

  it("parses numbers whole and refuses the rest", () => {
    const accepted: [string, number][] = [
      ["1", 1],
      ["+1", 1],
      ["-.5", -0.5],
      ["5.", 5],
      ["1e3", 1000],
      ["0x10", 16],
      ["0x1.8p1", 3],
      ["inf", Number.POSITIVE_INFINITY],
      ["-Infinity", Number.NEGATIVE_INFINITY],
      ["0.3", 0.3],
      ["123456789012345.5", 123456789012345.5],
      ["0e999", 0],
      ["1e-310", 1e-310],
    ];
    for (const [text, value] of accepted) expect(parseDouble(...bytesOf(text)), text).toBe(value);
    for (const text of ["", " 1", "1 ", "nan", "1e400", "1e-400", "0x", "1e", ".", "-", "abc", "1\0", "--1", "inf1"]) {
      expect(parseDouble(...bytesOf(text)), text).toBeNaN();
    }
    expect(Object.is(parseDouble(...bytesOf("-0")), -0)).toBe(true);
  });

  it("parses the bounds of ranges by their laxer rule", () => {
    expect(parseBound(...bytesOf(""))).toBe(0);
    expect(parseBound(...bytesOf("  7"))).toBe(7);
    expect(parseBound(...bytesOf("3\0junk"))).toBe(3);
    expect(parseBound(...bytesOf("1e400"))).toBe(Number.POSITIVE_INFINITY);
    for (const text of ["nan", "7 ", "x", " "]) expect(parseBound(...bytesOf(text)), text).toBeNaN();
  });
});

describe.runIf(hasReferenceServer)("numbers as redis-server prints them", () => {
  it("agrees on scores and on float increments", async () => {
    const seed = 20260101;
    const random = createSeededRandom(seed);
    const server = await startReferenceServer();
    const client = await ReferenceClient.connect(server.port);
    const scores: string[] = [];
    for (let k = 0; k < 4000; k++) scores.push(randomNumber(random));
    const added = scores.flatMap((score, k) => [score, `m${k}`]);
    const replies = await client.send([["ZADD", "z", ...added], ...scores.map((_, k) => ["ZSCORE", "z", `m${k}`])]);
    scores.forEach((score, k) => {
      const ours = formatDouble(parseDouble(...bytesOf(score)));
      expect(ours, `seed ${seed}, score ${score}`).toBe(String(replies[k + 1]));
    });

    const sums: [string, string][] = [];
    for (let k = 0; k < 1500; k++) sums.push([decimal(random), decimal(random)]);
    const results = await client.send(
      sums.flatMap(([a, b]) => [
        ["SET", "n", a],
        ["INCRBYFLOAT", "n", b],
      ]),
    );
    sums.forEach(([a, b], k) => {
      const left = parseLongDouble(a);
      const right = parseLongDouble(b);
      if (left === undefined || right === undefined) throw new Error(`not parsed: ${a} ${b}`);
      const sum = addLongDouble(left, right);
      expect(sum && formatLongDouble(sum), `seed ${seed}: ${a} + ${b}`).toBe(String(results[2 * k + 1]));
    });
    client.close();
    await server.stop();
  });
});

function randomNumber(random: ReturnType<typeof createSeededRandom>): string {
  switch (random.below(5)) {
    case 0:
      return decimal(random);
    case 1:
      return String((random.uint32() * 2 ** 20 + random.below(2 ** 20)) / 2 ** random.below(60));
    case 2:
      return `${random.below(1000)}e${random.below(600) - 300}`;
    case 3:
      return String(random.uint32() * 2 ** random.below(40));
    default:
      return String(random.below(2000) - 1000);
  }
}

function decimal(random: ReturnType<typeof createSeededRandom>): string {
  const sign = random.below(2) === 0 ? "-" : "";
  return `${sign}${random.uint32() % 10 ** (1 + random.below(9))}.${random.below(10 ** (1 + random.below(9)))}`;
}
