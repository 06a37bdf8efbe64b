/** Lists, hashes, sets and sorted sets against redis-server: random scripts of valid and invalid calls, in RESP2 and RESP3. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Normaliser, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { ORDER_NORMALISERS } from "../testing/reply-order.ts";
import { FLOATS, NUMBERS, Script, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const RESP2 = 0;
const RESP3 = 1;
const MEMBERS: readonly Word[] = [
  ...Array.from({ length: 12 }, (_, k) => `m${k}`),
  ...["1", "2", "3", "-7", "007", "9223372036854775807", "", "x".repeat(70), Buffer.from([0, 255, 13, 10])],
];
const SMALLEST = "-9223372036854775808";
const NORMALISERS: readonly Normaliser[] = [
  ...KNOWN_DIFFERENCES,
  ...ORDER_NORMALISERS,
  {
    command: "lpos",
    reason: "the smallest RANK, whose sign cannot be turned, is refused, as from Redis 7.2 on",
    normalise: (reply, args) => (args.includes(SMALLEST) ? Buffer.alloc(0) : reply),
  },
];

class CollectionScript extends Script {
  member(): Word {
    return this.pick(MEMBERS);
  }

  members(most: number): Word[] {
    return [this.member(), ...this.some(MEMBERS, most - 1)];
  }

  /** Mostly a key of the family's type, sometimes one of another. */
  keyOf(prefix: string): string {
    if (this.once(25)) return this.pick(["string", "l0", "h0", "s0", "z0", "none"]);
    return `${prefix}${this.random.below(3)}`;
  }

  index(): string {
    return this.once(12) ? this.pick(NUMBERS) : String(this.random.below(30) - 15);
  }

  score(): string {
    if (this.once(10)) return this.pick(FLOATS);
    return this.once(3) ? `${this.random.below(100)}.${this.random.below(100)}` : String(this.random.below(12) - 4);
  }

  maybe(n: number, ...words: readonly Word[]): readonly Word[] {
    return this.once(n) ? words : [];
  }

  end(): string {
    return this.caseOf(this.once(20) ? "UP" : this.pick(["LEFT", "RIGHT"]));
  }

  keyList(prefix: string, most: number): string[] {
    return Array.from({ length: 1 + this.random.below(most) }, () => this.keyOf(prefix));
  }

  /** A count of keys, mostly the right one. */
  counted(keys: readonly string[]): Word[] {
    return [this.once(15) ? this.index() : String(keys.length), ...keys];
  }
}

type Generator = (script: CollectionScript) => readonly Word[];

const LIST_STEPS: readonly Generator[] = [
  (s) => [s.pick(["LPUSH", "RPUSH", "RPUSH", "LPUSHX", "RPUSHX"]), s.keyOf("l"), ...s.members(6)],
  (s) => [s.pick(["LPUSH", "RPUSH"]), s.keyOf("l"), ...s.members(40)],
  (s) => [s.pick(["LPOP", "RPOP"]), s.keyOf("l"), ...s.maybe(2, s.index()), ...s.maybe(40, "x")],
  (s) => ["LRANGE", s.keyOf("l"), s.index(), s.index()],
  (s) => ["LINDEX", s.keyOf("l"), s.index()],
  (s) => ["LLEN", s.keyOf("l")],
  (s) => ["LSET", s.keyOf("l"), s.index(), s.member()],
  (s) => ["LINSERT", s.keyOf("l"), s.pick(["BEFORE", "after", "Before", "in"]), s.member(), s.member()],
  (s) => ["LREM", s.keyOf("l"), s.pick(["0", "1", "-1", "2", "-2", "x", "9223372036854775808"]), s.member()],
  (s) => (s.once(3) ? ["LTRIM", s.keyOf("l"), s.index(), s.index()] : ["LTRIM", s.keyOf("l"), "1", "-2"]),
  (s) => ["LMOVE", s.keyOf("l"), s.keyOf("l"), s.end(), s.end()],
  (s) => ["RPOPLPUSH", s.keyOf("l"), s.keyOf("l")],
  (s) => [
    "LMPOP",
    ...s.counted(s.keyList("l", 3)),
    s.end(),
    ...s.maybe(2, "COUNT", s.index()),
    ...s.maybe(30, "COUNT"),
  ],
  (s) => [
    ...["LPOS", s.keyOf("l"), s.member()],
    ...s.maybe(2, s.caseOf("RANK"), s.index()),
    ...s.maybe(2, s.caseOf("COUNT"), s.index()),
    ...s.maybe(3, s.caseOf("MAXLEN"), s.index()),
    ...s.maybe(40, "WHAT"),
  ],
];

const HASH_STEPS: readonly Generator[] = [
  (s) => [
    s.pick(["HSET", "HMSET"]),
    s.keyOf("h"),
    s.member(),
    s.value(),
    ...s.maybe(2, s.member(), s.value()),
    ...s.maybe(30, "odd"),
  ],
  (s) => ["HSETNX", s.keyOf("h"), s.member(), s.value()],
  (s) => ["HGET", s.keyOf("h"), s.member()],
  (s) => ["HMGET", s.keyOf("h"), ...s.members(4)],
  (s) => [s.pick(["HGETALL", "HKEYS", "HVALS", "HLEN"]), s.keyOf("h")],
  (s) => [s.pick(["HSTRLEN", "HEXISTS"]), s.keyOf("h"), s.member()],
  (s) => ["HDEL", s.keyOf("h"), ...s.members(3)],
  (s) => ["HINCRBY", s.keyOf("h"), s.pick(["n", "n2", s.member()]), s.number()],
  (s) => ["HINCRBYFLOAT", s.keyOf("h"), s.pick(["f", "f2", s.member()]), s.once(3) ? s.pick(FLOATS) : s.score()],
  (s) => [
    "HRANDFIELD",
    s.keyOf("h"),
    ...s.maybe(2, s.once(4) ? s.pick(NUMBERS.slice(0, 6)) : "3"),
    ...s.maybe(3, "WITHVALUES"),
  ],
  (s) => ["HSCAN", s.pick(["absent", "text"]), s.pick(["0", "x", "-1", "17"]), ...s.maybe(3, "COUNT", s.index())],
];

const SET_STEPS: readonly Generator[] = [
  (s) => ["SADD", s.keyOf("s"), ...s.members(5)],
  (s) => ["SADD", s.keyOf("s"), ...Array.from({ length: 3 }, () => s.index())],
  (s) => ["SREM", s.keyOf("s"), ...s.members(4)],
  (s) => ["SISMEMBER", s.keyOf("s"), s.member()],
  (s) => ["SMISMEMBER", s.keyOf("s"), ...s.members(4)],
  (s) => [s.pick(["SMEMBERS", "SCARD"]), s.keyOf("s")],
  (s) => ["SMOVE", s.keyOf("s"), s.keyOf("s"), s.member()],
  (s) => [s.pick(["SINTER", "SUNION", "SDIFF"]), ...s.keyList("s", 4)],
  (s) => [
    s.pick(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]),
    s.pick(["s0", "s3", "l0", "string2"]),
    ...s.keyList("s", 3),
  ],
  (s) => [
    "SINTERCARD",
    ...s.counted(s.keyList("s", 3)),
    ...s.maybe(2, s.caseOf("LIMIT"), s.index()),
    ...s.maybe(30, "X"),
  ],
  (s) => [
    "SRANDMEMBER",
    s.keyOf("s"),
    ...s.maybe(2, s.once(4) ? s.pick(NUMBERS.slice(0, 6)) : "-3"),
    ...s.maybe(30, "x"),
  ],
  (s) => ["SPOP", s.keyOf("s"), s.pick(["0", "100", "-1", "x", "9223372036854775808"])],
  (s) => ["SPOP", s.pick(["absent", "text"]), ...s.maybe(2, "1"), ...s.maybe(5, "2")],
];

const BOUNDS = ["-inf", "+inf", "(0", "(1", "1", "2.5", "(", "", "nan", "(inf", "x", "3"];
const LEX_BOUNDS = ["-", "+", "[a", "(a", "[c", "(d", "[", "(", "a", "", "[zz", "(aa", "++"];

const SORTED_SET_STEPS: readonly Generator[] = [
  (s) => ["ZADD", s.keyOf("z"), s.score(), s.member(), ...s.maybe(2, s.score(), s.member())],
  (s) => [
    ...["ZADD", s.keyOf("z"), ...s.some(["NX", "xx", "GT", "lt", "CH", "INCR"], 3)],
    ...[s.score(), s.member(), ...s.maybe(3, s.score(), s.member()), ...s.maybe(30, "1")],
  ],
  (s) => ["ZINCRBY", s.keyOf("z"), s.score(), s.member()],
  (s) => ["ZREM", s.keyOf("z"), ...s.members(3)],
  (s) => ["ZSCORE", s.keyOf("z"), s.member()],
  (s) => ["ZMSCORE", s.keyOf("z"), ...s.members(3)],
  (s) => ["ZCARD", s.keyOf("z")],
  (s) => [
    "ZSCAN",
    s.pick(["packed", "absent", "text"]),
    "0",
    "COUNT",
    "1000",
    ...s.maybe(3, "MATCH", s.pick(["m*", "m1", "x"])),
  ],
  (s) => ["ZADD", "packed", s.once(2) ? s.pick(FLOATS) : s.score(), s.member()],
  (s) => [s.pick(["ZRANK", "ZREVRANK"]), s.keyOf("z"), s.member()],
  (s) => [s.pick(["ZRANGE", "ZREVRANGE"]), s.keyOf("z"), s.index(), s.index(), ...s.maybe(2, s.caseOf("WITHSCORES"))],
  (s) => [
    ...["ZRANGE", s.keyOf("z"), s.pick([...BOUNDS, s.index()]), s.pick([...BOUNDS, s.index()])],
    ...s.maybe(2, s.caseOf("BYSCORE")),
    ...s.maybe(3, "REV"),
    ...s.maybe(3, s.caseOf("LIMIT"), s.index(), s.index()),
    ...s.maybe(3, "WITHSCORES"),
    ...s.maybe(30, "BYLEX"),
  ],
  (s) => [
    ...[s.pick(["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]), s.keyOf("z"), s.pick(BOUNDS), s.pick(BOUNDS)],
    ...s.maybe(3, "WITHSCORES"),
    ...s.maybe(3, "LIMIT", s.index(), s.index()),
    ...s.maybe(30, "REV"),
  ],
  (s) => ["ZADD", "lex", "0", s.pick(["a", "b", "c", "d", "aa", "ab", "zz", ""])],
  (s) => [
    ...[s.pick(["ZRANGEBYLEX", "ZREVRANGEBYLEX"]), s.pick(["lex", "absent"]), s.pick(LEX_BOUNDS), s.pick(LEX_BOUNDS)],
    ...s.maybe(3, "LIMIT", s.index(), s.index()),
    ...s.maybe(30, "WITHSCORES"),
  ],
  (s) => [
    "ZRANGE",
    "lex",
    s.pick(LEX_BOUNDS),
    s.pick(LEX_BOUNDS),
    "BYLEX",
    ...s.maybe(2, "REV"),
    ...s.maybe(9, "WITHSCORES"),
  ],
  (s) => [s.pick(["ZLEXCOUNT", "ZREMRANGEBYLEX"]), "lex", s.pick(LEX_BOUNDS), s.pick(LEX_BOUNDS)],
  (s) => ["ZCOUNT", s.keyOf("z"), s.pick(BOUNDS), s.pick(BOUNDS)],
  (s) => [
    "ZRANGESTORE",
    s.pick(["z0", "z3", "s1", "string2"]),
    s.keyOf("z"),
    s.index(),
    s.index(),
    ...s.maybe(4, "REV"),
  ],
  (s) => [
    ...["ZRANGESTORE", "z3", s.keyOf("z"), s.pick(BOUNDS), s.pick(BOUNDS), "BYSCORE"],
    ...s.maybe(3, "LIMIT", "0", s.index()),
    ...s.maybe(20, "WITHSCORES"),
  ],
  (s) => [s.pick(["ZPOPMIN", "ZPOPMAX"]), s.keyOf("z"), ...s.maybe(2, s.index()), ...s.maybe(40, "x")],
  (s) => ["ZMPOP", ...s.counted(s.keyList("z", 3)), s.pick(["MIN", "max", "mid"]), ...s.maybe(2, "COUNT", s.index())],
  (s) =>
    s.once(3) ? ["ZREMRANGEBYRANK", s.keyOf("z"), s.index(), s.index()] : ["ZREMRANGEBYSCORE", s.keyOf("z"), "(3", "5"],
  (s) => ["ZREMRANGEBYSCORE", s.keyOf("z"), s.pick(BOUNDS), s.pick(["(", "0", "x", "-2"])],
  (s) => [
    ...[s.pick(["ZUNION", "ZINTER", "ZDIFF"]), ...s.counted([...s.keyList("z", 3), s.pick(["s0", "s1", "z0"])])],
    ...s.maybe(4, "WEIGHTS", s.score(), s.score()),
    ...s.maybe(4, s.caseOf("AGGREGATE"), s.pick(["sum", "MIN", "Max", "avg"])),
    ...s.maybe(2, "WITHSCORES"),
  ],
  (s) => [
    ...[s.pick(["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"]), s.pick(["z3", "z1", "l2", "string2"])],
    ...["2", s.keyOf("z"), s.pick(["s0", "s1", "z0", "z2", "none"])],
    ...s.maybe(3, "WEIGHTS", s.score(), s.score()),
    ...s.maybe(4, "AGGREGATE", s.pick(["sum", "MIN", "Max"])),
    ...s.maybe(20, "WITHSCORES"),
  ],
  (s) => ["ZINTERCARD", ...s.counted(s.keyList("z", 2)), ...s.maybe(2, "LIMIT", s.index())],
  (s) => [
    "ZRANDMEMBER",
    s.keyOf("z"),
    ...s.maybe(2, s.once(4) ? s.pick(NUMBERS.slice(0, 6)) : "3"),
    ...s.maybe(3, "WITHSCORES"),
  ],
  (s) => [
    "ZADD",
    s.keyOf("z"),
    ...Array.from({ length: 40 }, (_, k) => [String(s.random.below(30)), `big${k * 7}`]).flat(),
  ],
];

/** What all keys hold at the end. */
const FINAL_STEPS: readonly (readonly Word[])[] = ["l", "h", "s", "z"].flatMap((prefix) =>
  [0, 1, 2, 3].flatMap((k) => {
    const key = `${prefix}${k}`;
    const reads = [
      ["LRANGE", key, "0", "-1"],
      ["HGETALL", key],
      ["SMEMBERS", key],
      ["ZRANGE", key, "0", "-1", "WITHSCORES"],
    ];
    return [["TYPE", key], ...reads];
  }),
);

function randomSteps(seed: number, count: number, generators: readonly Generator[]): Step[] {
  const script = new CollectionScript(seed);
  const steps: Step[] = [
    { client: RESP3, args: ["HELLO", "3"] },
    { client: RESP2, args: ["SET", "string", "v"] },
    { client: RESP2, args: ["SET", "text", "v"] },
    { client: RESP2, args: ["SET", "string2", "v"] },
    { client: RESP2, args: ["RPUSH", "l0", "a"] },
    { client: RESP2, args: ["HSET", "h0", "a", "1"] },
    { client: RESP2, args: ["SADD", "s0", "a", "m1"] },
    { client: RESP2, args: ["ZADD", "z0", "1", "a"] },
  ];
  for (let k = 0; k < count; k++) {
    const generator = script.pick(script.once(12) ? ALL_STEPS : generators);
    steps.push({ client: k % 200 < 120 ? RESP2 : RESP3, args: generator(script) });
    if (script.once(60)) steps.push({ client: RESP2, args: ["DEL", script.keyOf(script.pick(["l", "h", "s", "z"]))] });
  }
  return [
    ...steps,
    ...FINAL_STEPS.map((args) => ({ client: RESP2, args })),
    ...FINAL_STEPS.map((args) => ({ client: RESP3, args })),
  ];
}

const ALL_STEPS: readonly Generator[] = [...LIST_STEPS, ...HASH_STEPS, ...SET_STEPS, ...SORTED_SET_STEPS];

describe.runIf(hasReferenceServer)("collections beside redis-server", () => {
  describe.each([
    ["at the usual limits of packed encodings", []],
    [
      "at tiny limits, so that large encodings are used",
      [
        ...["--list-max-listpack-size", "4", "--hash-max-listpack-entries", "4", "--set-max-intset-entries", "4"],
        ...["--zset-max-listpack-entries", "4"],
      ],
    ],
  ])("%s", (_, directives) => {
    let pair: ServerPair;
    beforeAll(async () => {
      pair = await startServerPair(...directives);
    });
    afterAll(() => pair.stop());

    test.each([
      ["lists", 1, LIST_STEPS],
      ["hashes", 2, HASH_STEPS],
      ["sets", 3, SET_STEPS],
      ["sorted sets", 4, SORTED_SET_STEPS],
      ["all of them", 5, ALL_STEPS],
    ] as const)("random scripts of %s agree (seed %i)", async (_family, fallback, generators) => {
      const seed = seedOf(fallback);
      const steps = randomSteps(seed, 4000, generators);
      expect(await compareServers({ ports: pair.ports, steps, normalisers: NORMALISERS, seed })).toBe(steps.length);
    });
  });
});
