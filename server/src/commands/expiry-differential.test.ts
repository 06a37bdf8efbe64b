/**
 * Expiry against redis-server. Active expiry is off on both and keys that have expired are made with times in the past, so
 * nothing waits: what a read finds is what lazy expiry leaves. Times left are compared in steps of 100 s.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Normaliser, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { ORDER_NORMALISERS } from "../testing/reply-order.ts";
import { NUMBERS, Script, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const PAST_MS = "1000";
const FUTURE_MS = "4000000000000";
const FUTURE_SECONDS = "4000000000";
const NAMES = ["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"];
const CONDITIONS = [
  [],
  ["NX"],
  ["XX"],
  ["GT"],
  ["LT"],
  ["xx", "gt"],
  ["XX", "LT"],
  ["NX", "XX"],
  ["GT", "LT"],
  ["NX", "GT"],
];

/** Times left differ by what passed between the two servers. */
const TIMES_LEFT: readonly Normaliser[] = [
  { command: "ttl", reason: "time passes", normalise: (reply) => rounded(reply, 100) },
  { command: "pttl", reason: "time passes", normalise: (reply) => rounded(reply, 100_000) },
  { command: "expiretime", reason: "set relative to now", normalise: (reply) => rounded(reply, 100) },
  { command: "pexpiretime", reason: "set relative to now", normalise: (reply) => rounded(reply, 100_000) },
];

function rounded(reply: Buffer, step: number): Buffer {
  const value = Number(reply.toString("latin1", 1, reply.length - 2));
  return value < 0 ? reply : Buffer.from(`:${Math.round(value / step) * step}\r\n`);
}

describe.runIf(hasReferenceServer)("expiry beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[], seed?: number): Promise<number> =>
    compareServers({
      ports: pair.ports,
      steps: [{ args: ["DEBUG", "SET-ACTIVE-EXPIRE", "0"] }, ...steps],
      normalisers: [...KNOWN_DIFFERENCES, ...ORDER_NORMALISERS, ...TIMES_LEFT],
      seed,
    });

  test("the EXPIRE family agrees over its conditions, with and without an expiry before", async () => {
    const steps: Step[] = [];
    for (const name of NAMES) {
      const times = name.endsWith("AT")
        ? [FUTURE_MS, FUTURE_SECONDS, "1", "0", "-1"]
        : ["100000", "3000000", "0", "-5"];
      for (const time of times) {
        for (const words of [...CONDITIONS, ["BAD"], ["NX", "BAD"], ["", "NX"]]) {
          for (const before of [[], ["EX", "5000"], ["PXAT", "3000000000000"]]) {
            steps.push({ args: ["SET", "k", "v", ...before] }, { args: [name, "k", time, ...words] });
            steps.push({ args: ["PEXPIRETIME", "k"] }, { args: ["TTL", "k"] }, { args: ["PTTL", "k"] });
            steps.push({ args: ["EXISTS", "k"] }, { args: ["PERSIST", "k"] }, { args: ["PERSIST", "k"] });
          }
          steps.push({ args: [name, "none", time, ...words] });
        }
      }
    }
    expect(await compare(steps)).toBe(steps.length + 1);
  });

  test("edge numbers as times are taken or refused alike", async () => {
    const steps: Step[] = [];
    const edges = ["9223372036854770", "9223372036854780", "-9223372036854770", "-9223372036854780"];
    for (const name of NAMES) {
      for (const time of [...NUMBERS, ...edges]) {
        for (const words of [[], ["BAD"], ["NX", "LT"]]) {
          steps.push({ args: ["SET", "k", "v"] }, { args: [name, "k", time, ...words] }, { args: ["EXISTS", "k"] });
        }
        steps.push({ args: [name, "none", time] });
      }
    }
    expect(await compare(steps)).toBe(steps.length + 1);
  });

  test("an expired key is gone for every command that could meet it", async () => {
    const steps: Step[] = [];
    const reads: Word[][] = [
      ...[
        ["GET"],
        ["STRLEN"],
        ["EXISTS"],
        ["TYPE"],
        ["TTL"],
        ["PTTL"],
        ["EXPIRETIME"],
        ["PERSIST"],
        ["DEL"],
        ["UNLINK"],
      ],
      ...[["TOUCH"], ["DUMP"], ["GETDEL"], ["GETEX"], ["INCR"], ["LLEN"], ["SCARD"], ["HLEN"], ["ZCARD"], ["RPUSHX"]],
      ...[
        ["MGET"],
        ["GETSET"],
        ["APPEND"],
        ["SETNX"],
        ["SETRANGE"],
        ["INCRBYFLOAT"],
        ["RENAME"],
        ["RENAMENX"],
        ["COPY"],
      ],
      ...[["MOVE"], ["LPUSH"], ["SADD"], ["HSET"], ["ZADD"], ["OBJECT"], ["EXPIRE"], ["LRANGE"], ["SET"]],
    ];
    const rest: Record<string, Word[]> = {
      ...{ GETSET: ["n"], APPEND: ["n"], SETNX: ["n"], SETRANGE: ["2", "n"], INCRBYFLOAT: ["1.5"], RENAME: ["other"] },
      ...{
        RENAMENX: ["other"],
        COPY: ["other"],
        MOVE: ["1"],
        LPUSH: ["x"],
        SADD: ["x"],
        HSET: ["f", "x"],
        SET: ["n", "XX"],
      },
      ...{ ZADD: ["1", "x"], EXPIRE: ["100000"], LRANGE: ["0", "-1"], RPUSHX: ["x"] },
    };
    for (const [name] of reads as [string][]) {
      if (name === "DUMP") continue;
      for (const make of [
        ["SET", "k", "v"],
        ["RPUSH", "k", "a"],
        ["SADD", "k", "a"],
      ]) {
        steps.push({ args: ["DEL", "k", "other"] }, { args: ["SET", "expired", "v", "PXAT", PAST_MS] });
        steps.push({ args: make }, { args: ["RENAME", "expired", "k"] }, { args: ["SET", "k", "v", "PXAT", PAST_MS] });
        steps.push({ args: name === "OBJECT" ? ["OBJECT", "ENCODING", "k"] : [name, "k", ...(rest[name] ?? [])] });
        steps.push(
          { args: ["TYPE", "k"] },
          { args: ["TTL", "k"] },
          { args: ["EXISTS", "other"] },
          { args: ["DBSIZE"] },
        );
      }
    }
    expect(await compare(steps)).toBe(steps.length + 1);
  });

  test.each([21, 22, 23])("random scripts of times and reads agree (seed %i)", async (fallback) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const steps = Array.from({ length: 4000 }, () => ({ args: randomStep(script) }));
    expect(await compare(steps, seed)).toBe(steps.length + 1);
  });
});

/** Hardly ever the same twice: which of two equal times left is the greater depends on the millisecond between them. */
function distinctSeconds(script: Script): string {
  return String(1000 * (1 + script.random.below(100_000)));
}

function randomStep(script: Script): Word[] {
  const key = script.key();
  const other = script.key();
  const commands: (() => Word[])[] = [
    () => ["SET", key, "v", "PXAT", script.pick([PAST_MS, FUTURE_MS])],
    () => ["SET", key, "v", "EX", script.pick(["1000000", "2000000"])],
    () => ["SET", key, "v", "KEEPTTL"],
    () => ["SET", key, "10"],
    () => ["SETEX", key, "3000000", "v"],
    () => ["GETEX", key, "PXAT", script.pick([PAST_MS, FUTURE_MS])],
    () => ["GETEX", key, "PERSIST"],
    () => ["PEXPIREAT", key, script.pick([PAST_MS, FUTURE_MS]), ...script.pick(CONDITIONS)],
    () => ["EXPIRE", key, script.once(2) ? "-1" : distinctSeconds(script), ...script.pick(CONDITIONS)],
    () => ["PERSIST", key],
    () => ["TTL", key],
    () => ["PTTL", key],
    () => ["EXPIRETIME", key],
    () => ["PEXPIRETIME", key],
    () => ["GET", key],
    () => ["APPEND", key, "x"],
    () => ["INCR", key],
    () => ["RPUSH", key, "x"],
    () => ["SADD", key, "x"],
    () => ["DEL", key],
    () => ["RENAME", key, other],
    () => ["COPY", key, other, "REPLACE"],
    () => ["MOVE", key, "1"],
    () => ["GETSET", key, "v"],
    () => ["SETRANGE", key, "1", "v"],
    () => ["EXISTS", key, other],
    () => ["DBSIZE"],
    () => ["RANDOMKEY", "too many"],
    () => ["MSET", key, "a", other, "b"],
  ];
  return script.pick(commands)();
}
