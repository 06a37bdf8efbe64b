/** Strings and counters against redis-server: every option, every error, the edges of 64 bits, binary keys and values. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { FLOATS, NUMBERS, Script, VALUES, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const FUTURE_SECONDS = "4000000000";
const FUTURE_MS = "4000000000000";
const TIMES = ["100", "100000", FUTURE_SECONDS, FUTURE_MS, "1", "1000", ...NUMBERS];
const SET_WORDS = ["NX", "XX", "GET", "KEEPTTL", "PERSIST", "EX", "PX", "EXAT", "PXAT", "IFEQ", ""];

describe.runIf(hasReferenceServer)("strings beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[], seed?: number): Promise<number> =>
    compareServers({ ports: pair.ports, steps, normalisers: KNOWN_DIFFERENCES, seed });

  test("SET and GETEX answer every combination of up to three options alike", async () => {
    const steps: Step[] = [];
    const times: readonly string[] = ["EXAT", "PXAT"];
    const options = [[], ...["NX", "xx", "Get", "KEEPTTL", "PERSIST", "BAD"].map((word) => [word])];
    for (const unit of ["EX", "PX", "EXAT", "PXAT"]) {
      options.push([unit, times.includes(unit) ? FUTURE_MS : "100000"], [unit], [unit, "0"], [unit, "-5"], [unit, "x"]);
    }
    for (const first of options) {
      for (const second of options) {
        for (const third of [[], ["NX"], ["GET"], ["EX", "100"], ["KEEPTTL"]]) {
          const words = [...first, ...second, ...third];
          for (const key of ["string", "absent", "list"]) {
            steps.push({ args: ["SET", "string", "old", "PXAT", FUTURE_MS] }, { args: ["DEL", "absent", "list"] });
            steps.push({ args: ["RPUSH", "list", "x"] }, { args: ["SET", key, "new", ...words] });
            if (third.length === 0) steps.push({ args: ["GETEX", key, ...words] });
            steps.push({ args: ["TYPE", key] }, { args: ["EXISTS", key] });
          }
        }
      }
    }
    expect(await compare(steps)).toBe(steps.length);
  });

  test("expire times given with a value are stored as given", async () => {
    const steps: Step[] = [];
    for (const time of TIMES) {
      for (const unit of ["EXAT", "PXAT"]) {
        steps.push({ args: ["SET", "k", "v", unit, time] }, { args: ["GETEX", "k", unit, time] });
        steps.push({ args: ["SET", "k", "v"] }, { args: ["GETEX", "k", unit, time] });
      }
      for (const name of ["SETEX", "PSETEX"]) steps.push({ args: [name, "k", time, "v"] }, { args: ["GET", "k"] });
      for (const unit of ["EX", "PX"]) steps.push({ args: ["SET", "k", "v", unit, time] }, { args: ["GET", "k"] });
    }
    for (const time of [FUTURE_MS, "4000000000001", "9007199254740991"]) {
      steps.push({ args: ["SET", "k", "v", "PXAT", time] }, { args: ["PEXPIRETIME", "k"] });
      steps.push({ args: ["EXPIRETIME", "k"] }, { args: ["SET", "k", "w", "KEEPTTL"] }, { args: ["PEXPIRETIME", "k"] });
      steps.push({ args: ["APPEND", "k", "x"] }, { args: ["PEXPIRETIME", "k"] });
      steps.push({ args: ["GETSET", "k", "x"] }, { args: ["PEXPIRETIME", "k"] });
    }
    expect(await compare(steps)).toBe(steps.length);
  });

  test("integer counters agree over all pairs of edge numbers", async () => {
    const steps: Step[] = [];
    for (const value of NUMBERS) {
      for (const name of ["INCR", "DECR"]) steps.push({ args: ["SET", "n", value] }, { args: [name, "n"] });
      for (const amount of NUMBERS) {
        steps.push({ args: ["SET", "n", value] }, { args: ["INCRBY", "n", amount] }, { args: ["GET", "n"] });
        steps.push({ args: ["SET", "n", value] }, { args: ["DECRBY", "n", amount] }, { args: ["GET", "n"] });
      }
    }
    steps.push({ args: ["INCR", "new"] }, { args: ["DECRBY", "newer", "3"] }, { args: ["RPUSH", "l", "1"] });
    for (const name of ["INCR", "DECR"]) steps.push({ args: [name, "l"] });
    expect(await compare(steps)).toBe(steps.length);
  });

  test("INCRBYFLOAT agrees over all pairs of edge numbers", async () => {
    const steps: Step[] = [];
    const all = [
      ...FLOATS,
      "9223372036854775807",
      "10.50",
      "-0",
      "1e-17",
      "3.14159265358979323846",
      "0.30000000000000004",
    ];
    for (const value of all) {
      for (const amount of all) {
        steps.push({ args: ["SET", "n", value] }, { args: ["INCRBYFLOAT", "n", amount] }, { args: ["GET", "n"] });
      }
    }
    steps.push({ args: ["INCRBYFLOAT", "new", "0.1"] }, { args: ["RPUSH", "l", "1"] });
    steps.push({ args: ["INCRBYFLOAT", "l", "1"] }, { args: ["INCRBYFLOAT", "l", "x"] });
    expect(await compare(steps)).toBe(steps.length);
  });

  test("ranges agree over all pairs of edge offsets", async () => {
    const steps: Step[] = [];
    const offsets = [...NUMBERS, "3", "4", "5", "6", "-3", "-5", "-6", "-11", "536870911", "536870912", "4294967296"];
    for (const value of ["", "hello", "12345678901"]) {
      for (const start of offsets) {
        steps.push({ args: ["SET", "s", value] });
        for (const end of offsets) steps.push({ args: ["GETRANGE", "s", start, end] });
        if (start !== "536870911" && start !== "100000000000000") {
          for (const part of ["", "xy"]) {
            if (Number(start) > 1000 && Number(start) < 536870911) continue;
            steps.push({ args: ["SETRANGE", "s", start, part] }, { args: ["GETRANGE", "s", "0", "-1"] });
            steps.push({ args: ["SETRANGE", "absent", start, part] }, { args: ["GET", "absent"] });
            steps.push({ args: ["DEL", "absent"] });
          }
        }
      }
    }
    steps.push(
      { args: ["RPUSH", "l", "x"] },
      { args: ["SETRANGE", "l", "0", ""] },
      { args: ["SETRANGE", "l", "-1", ""] },
    );
    steps.push({ args: ["GETRANGE", "l", "0", "1"] }, { args: ["STRLEN", "l"] }, { args: ["APPEND", "l", "x"] });
    steps.push({ args: ["SUBSTR", "s", "0", "1"] }, { args: ["STRLEN", "s"] }, { args: ["STRLEN", "none"] });
    expect(await compare(steps)).toBe(steps.length);
  });

  test("OBJECT ENCODING names the same for each way to write a string", async () => {
    const steps: Step[] = [];
    const values = [...VALUES, ...NUMBERS, "x".repeat(44), "x".repeat(45), "12345678901234567890"];
    for (const value of values) {
      const writes = [
        ["SET"],
        ["GETSET"],
        ["MSET"],
        ["SETNX"],
        ["APPEND"],
        ["SETEX", "100"],
        ["SETRANGE", "0"],
      ] as const;
      for (const [name, middle] of writes) {
        const args = middle === undefined ? [name, "k", value] : [name, "k", middle, value];
        steps.push({ args: ["DEL", "k"] }, { args }, { args: ["OBJECT", "ENCODING", "k"] });
        steps.push({ args: ["APPEND", "k", "0"] }, { args: ["OBJECT", "ENCODING", "k"] });
        steps.push({ args: ["DECR", "k"] }, { args: ["OBJECT", "ENCODING", "k"] });
      }
    }
    expect(await compareServers({ ports: pair.ports, steps })).toBe(steps.length);
  });

  test.each([1, 2, 3])("random scripts of string commands agree (seed %i)", async (fallback) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const steps = Array.from({ length: 4000 }, () => ({ args: randomStep(script) }));
    expect(await compare(steps, seed)).toBe(steps.length);
  });

  test("RESP3 changes the form of nothing but nil", async () => {
    const seed = seedOf(4);
    const script = new Script(seed);
    const steps: Step[] = [{ args: ["HELLO", "3"] }];
    for (let i = 0; i < 1000; i++) steps.push({ args: randomStep(script) });
    expect(await compare(steps, seed)).toBe(steps.length);
  });
});

function randomStep(script: Script): Word[] {
  const key = script.key();
  const commands: (() => Word[])[] = [
    () => ["SET", key, script.value()],
    () => ["SET", key, script.value(), ...randomSetOptions(script)],
    () => ["GET", key],
    () => ["GETDEL", key],
    () => ["GETEX", key, ...randomSetOptions(script)],
    () => ["GETSET", key, script.value()],
    () => ["SETNX", key, script.value()],
    () => ["MGET", key, script.key(), script.key()],
    () => ["MSET", key, script.value(), ...script.some([script.key(), script.value()], 3)],
    () => ["MSETNX", key, script.value(), ...script.some([script.key(), script.value()], 3)],
    () => ["APPEND", key, script.value()],
    () => ["STRLEN", key],
    () => ["GETRANGE", key, script.number(), script.number()],
    () => ["SETRANGE", key, String(script.random.below(60) - 3), script.value()],
    () => ["INCR", key],
    () => ["DECR", key],
    () => ["INCRBY", key, script.number()],
    () => ["DECRBY", key, script.number()],
    () => ["INCRBYFLOAT", key, script.pick([...FLOATS, ...NUMBERS])],
    () => ["OBJECT", "ENCODING", key],
    () => ["LPUSH", key, "x"],
    () => ["DEL", key],
    () => ["TYPE", key],
    () => ["PEXPIRETIME", key],
  ];
  const args = script.pick(commands)();
  return [script.caseOf(args[0] as string), ...args.slice(1)];
}

/** Absolute times only, so that PEXPIRETIME can be compared; relative ones appear as errors. */
function randomSetOptions(script: Script): string[] {
  const words: string[] = [];
  for (const word of script.some(SET_WORDS, 3)) {
    words.push(script.caseOf(word));
    if (word.endsWith("AT") && !script.once(6))
      words.push(script.pick([FUTURE_MS, FUTURE_SECONDS, ...VALUES.map(String)]));
    else if (word.endsWith("X") && word.length === 2 && !word.startsWith("N"))
      words.push(script.pick(["0", "-1", "x"]));
  }
  return words;
}
