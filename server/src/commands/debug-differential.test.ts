/** The subcommands of DEBUG that tests of programs use, and the matcher of patterns, beside redis-server. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Normaliser, type Step, seedOf } from "../testing/differential.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { sorted } from "../testing/reply-order.ts";
import { Script, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const NORMALISERS: readonly Normaliser[] = [
  {
    command: "debug object",
    reason: "addresses, and the time of the last use in seconds",
    normalise: (reply) => Buffer.from(reply.toString("latin1").replace(/at:0x\w+|lru:\d+|idle:\d/g, "")),
  },
  { command: "keys", reason: "the order of the table", normalise: (reply) => sorted(reply, 1) },
];

describe.runIf(hasReferenceServer)("DEBUG beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair("--rdbcompression", "no");
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[], seed?: number): Promise<number> =>
    compareServers({ ports: pair.ports, steps, normalisers: NORMALISERS, seed });

  test("RELOAD with MERGE puts keys and libraries in the place of those that are there", () =>
    compare(
      [
        ["FUNCTION", "LOAD", "REPLACE", "#!lua name=f\nredis.register_function('f', function() return 5 end)"],
        ["SET", "s", "1"],
        ["SADD", "set", "a"],
        ["DEBUG", "RELOAD"],
        ["SET", "s", "2"],
        ["SADD", "set", "b"],
        ["SET", "other", "3"],
        ["DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE"],
        ["MGET", "s", "other"],
        ["SMEMBERS", "set"],
        ["DBSIZE"],
        ["FCALL", "f", "0"],
        ["FUNCTION", "FLUSH"],
      ].map((args) => ({ args })),
    ));

  test("what it tells and refuses agrees", async () => {
    const long = Array.from({ length: 2000 }, (_, k) => `element ${k}`);
    const calls: Word[][] = [
      ...[
        ["SET", "s", "text"],
        ["SET", "n", "12345"],
        ["HSET", "h", "f", "v"],
        ["ZADD", "z", "1.5", "m"],
      ],
      ...[
        ["SADD", "i", "1", "2"],
        ["RPUSH", "long", ...long],
      ],
      ...[
        ["DEBUG", "OBJECT", "s"],
        ["DEBUG", "OBJECT", "n"],
        ["DEBUG", "OBJECT", "h"],
        ["DEBUG", "OBJECT", "z"],
      ],
      ...[
        ["DEBUG", "OBJECT", "i"],
        ["DEBUG", "OBJECT", "none"],
        ["DEBUG", "LISTPACK", "s"],
        ["DEBUG", "LISTPACK", "h"],
      ],
      ...[
        ["DEBUG", "LISTPACK", "none"],
        ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "100b"],
        ["DEBUG", "DIGEST"],
      ],
      ...[
        ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "x"],
        ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "4gb"],
      ],
      ...[
        ["DEBUG", "CHANGE-REPL-ID"],
        ["DEBUG", "SLEEP", "x"],
        ["DEBUG", "SLEEP", "0.01"],
        ["DEBUG", "SLEEP"],
      ],
      ...[
        ["DEBUG", "POPULATE", "x"],
        ["DEBUG", "POPULATE", "-1"],
        ["DEBUG", "POPULATE", "1", "a", "2", "b"],
      ],
      ...[
        ["DEBUG", "POPULATE", "10"],
        ["DEBUG", "POPULATE", "5", "p"],
        ["DEBUG", "POPULATE", "5", "q", "20"],
        ["KEYS", "*"],
      ],
      ...[
        ["GET", "key:3"],
        ["GET", "q:1"],
        ["DEBUG", "DIGEST", "x"],
        ["DEBUG", "BAD"],
        ["DEBUG", "SET-ACTIVE-EXPIRE"],
      ],
      ...[["DEBUG", "DIGEST-VALUE", "s", "n", "h", "z", "i", "long", "none"]],
      ...[
        ["XADD", "x", "1-1", "a", "1", "b", "two"],
        ["XADD", "x", "2-18446744073709551615", "a", "3", "b", "four"],
      ],
      ...[
        ["XDEL", "x", "1-1"],
        ["DEBUG", "DIGEST-VALUE", "x"],
        ["DEBUG", "DIGEST"],
      ],
      ...[["DEBUG", "ERROR", "SOME thing"], ["DEBUG", "RELOAD"], ["DEBUG", "DIGEST"], ["DBSIZE"]],
    ];
    expect(await compare(calls.map((args) => ({ args })))).toBe(calls.length);
  });

  test.each([81, 82, 83])("patterns match the same keys (seed %i)", async (fallback) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const bytes = (alphabet: string, most: number): Buffer => {
      const length = script.random.below(most + 1);
      return Buffer.from(Array.from({ length }, () => alphabet.charCodeAt(script.random.below(alphabet.length))));
    };
    const steps: Step[] = [];
    for (let k = 0; k < 120; k++) steps.push({ args: ["SET", bytes("abcAB-]\\^*?\x00\xff", 8), "v"] });
    for (let k = 0; k < 3000; k++) steps.push({ args: ["KEYS", bytes("aabbc*?*[]^-\\A\x00\xff", 9)] });
    expect(await compare(steps, seed)).toBe(steps.length);
  });

  test("a pattern made to be slow costs no more than its length times the key's", async () => {
    const key = "a".repeat(3000);
    const steps = [
      { args: ["SET", key, "v"] },
      { args: ["KEYS", `${"*a".repeat(12)}b`] },
      { args: ["SCAN", "0", "MATCH", `${"a*".repeat(12)}b`] },
    ];
    const started = performance.now();
    expect(await compareServers({ ports: { ours: pair.ports.ours, reference: pair.ports.ours }, steps })).toBe(
      steps.length,
    );
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test("OBJECT FREQ and IDLETIME follow the policy", async () => {
    const words = [
      ["FREQ", "k"],
      ["IDLETIME", "k"],
      ["FREQ", "none"],
      ["IDLETIME", "none"],
      ["FREQ"],
      ["REFCOUNT", "none"],
    ];
    const steps: Step[] = [{ args: ["RPUSH", "k", "v"] }];
    for (const policy of ["noeviction", "allkeys-lru", "volatile-lfu", "allkeys-lfu", "volatile-ttl", "noeviction"]) {
      steps.push({ args: ["CONFIG", "SET", "maxmemory-policy", policy] });
      // What one kind of policy has noted of a key, the other would misread.
      steps.push({ args: ["DEL", "k"] }, { args: ["RPUSH", "k", "v"] });
      for (const args of words) steps.push({ args: ["OBJECT", ...args] });
    }
    expect(await compare(steps)).toBe(steps.length);
  });

  test("OBJECT REFCOUNT tells of shared integers where the policy allows them", async () => {
    const values = ["0", "7", "9999", "10000", "-1", "1.5", "0007", "word"];
    const steps: Step[] = [];
    for (const [limit, policy] of [
      ["0", "noeviction"],
      ["1gb", "volatile-ttl"],
      ["1gb", "allkeys-lru"],
      ["0", "allkeys-lru"],
      ["1gb", "volatile-lfu"],
      ["0", "noeviction"],
    ] as const) {
      steps.push({ args: ["CONFIG", "SET", "maxmemory", limit, "maxmemory-policy", policy] });
      for (const value of values) {
        steps.push({ args: ["SET", "shared", value] }, { args: ["OBJECT", "REFCOUNT", "shared"] });
      }
      steps.push(
        { args: ["SET", "shared", "5"] },
        { args: ["INCR", "shared"] },
        { args: ["OBJECT", "REFCOUNT", "shared"] },
      );
    }
    expect(await compare(steps)).toBe(steps.length);
  });
});
