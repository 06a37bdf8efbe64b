/** Commands on keys of every type against redis-server: deleting, renaming, copying, moving, listing, whole databases. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { ORDER_NORMALISERS, sorted } from "../testing/reply-order.ts";
import { NUMBERS, Script, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const PATTERNS: readonly Word[] = [
  ...[
    "*",
    "",
    "?",
    "[a-c]",
    "[^a]",
    "a*",
    "*x",
    "key:*:colons",
    "{tag}?",
    "\\*",
    "[",
    "[a",
    "a[b",
    "**",
    "h?llo*",
    "[b-a]",
  ],
  Buffer.from([0, 42]),
];

describe.runIf(hasReferenceServer)("keys beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[], seed?: number): Promise<number> =>
    compareServers({
      ...{ ports: pair.ports, steps, normalisers: [...KNOWN_DIFFERENCES, ...ORDER_NORMALISERS, ...UNORDERED] },
      seed,
    });

  test.each([11, 12, 13])("random scripts over several databases agree (seed %i)", async (fallback) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const steps = Array.from({ length: 4000 }, () => ({ client: script.random.below(2), args: randomStep(script) }));
    expect(await compare(steps, seed)).toBe(steps.length);
  });

  test("options and errors of COPY, MOVE, RENAME, SWAPDB, SELECT and OBJECT agree", async () => {
    const steps: Step[] = [{ args: ["SET", "k", "v"] }, { args: ["RPUSH", "l", "x"] }];
    for (const n of [...NUMBERS, "15", "16", "2147483648"]) {
      steps.push({ args: ["COPY", "k", "k2", "DB", n] }, { args: ["COPY", "k", "k2", "DB", n, "REPLACE"] });
      steps.push({ args: ["COPY", "k", "k", "DB", n] }, { args: ["COPY", "none", "k", "DB", n] });
      steps.push({ args: ["MOVE", "k", n] }, { args: ["MOVE", "none", n] }, { args: ["SET", "k", "v"] });
      steps.push({ args: ["SWAPDB", n, "0"] }, { args: ["SWAPDB", "0", n] }, { args: ["SELECT", n] });
      steps.push({ args: ["SELECT", "0"] }, { args: ["SET", "k", "v"] });
    }
    const more: Word[][] = [
      ...[
        ["COPY", "k", "k"],
        ["COPY", "k", "x", "REPLACE", "REPLACE"],
        ["COPY", "k", "x", "DB"],
        ["COPY", "k", "x", "BAD"],
      ],
      ...[
        ["RENAME", "none", "none"],
        ["RENAME", "k", "k"],
        ["RENAMENX", "k", "k"],
        ["RENAMENX", "none", "k"],
      ],
      ...[
        ["RENAME", "k", "l"],
        ["TYPE", "l"],
        ["RENAMENX", "l", "n"],
        ["RENAMENX", "l", "n"],
        ["TYPE", "n"],
      ],
      ...[
        ["OBJECT"],
        ["OBJECT", "ENCODING"],
        ["OBJECT", "BAD", "k"],
        ["OBJECT", "FREQ", "n"],
        ["OBJECT", "FREQ", "none"],
      ],
      ...[
        ["OBJECT", "IDLETIME", "none"],
        ["OBJECT", "REFCOUNT", "none"],
        ["OBJECT", "ENCODING", "none"],
      ],
      ...[
        ["OBJECT", "IDLETIME", "n"],
        ["FLUSHDB", "BAD"],
        ["FLUSHALL", "SYNC", "ASYNC"],
        ["FLUSHDB", "ASYNC"],
        ["DBSIZE"],
      ],
      ...[["FLUSHALL", "SYNC"], ["FLUSHALL", "async"], ["DBSIZE"], ["RANDOMKEY"], ["TOUCH", "a", "a"], ["EXISTS", "a"]],
    ];
    for (const args of more) steps.push({ args });
    expect(await compare(steps)).toBe(steps.length);
  });

  test("errors of SCAN and KEYS agree", async () => {
    const steps: Step[] = [];
    for (const n of NUMBERS) {
      steps.push({ args: ["SCAN", n] }, { args: ["SCAN", "0", "COUNT", n] }, { args: ["SCAN", "0", "MATCH", n] });
      steps.push({ args: ["SCAN", "0", "TYPE", n] });
    }
    const more = [["COUNT"], ["MATCH"], ["TYPE"], ["BAD"], ["BAD", "x"], ["COUNT", "5", "COUNT", "6"], ["NOVALUES"]];
    for (const words of more) steps.push({ args: ["SCAN", "0", ...words] });
    expect(await compare(steps)).toBe(steps.length);
  });

  test("SCAN finds the same keys, by pattern and by type", async () => {
    const clients = await Promise.all([pair.ports.ours, pair.ports.reference].map((port) => RawClient.connect(port)));
    const found = await Promise.all(
      clients.map(async (client) => {
        await client.command("FLUSHALL");
        for (let i = 0; i < 500; i++) await client.command("SET", `key:${i}`, "x");
        for (let i = 0; i < 50; i++) await client.command("SADD", `set:${i}`, "x");
        const results: string[][] = [];
        for (const words of [
          [],
          ["MATCH", "*9"],
          ["TYPE", "SET"],
          ["COUNT", "7"],
          ["COUNT", "100000"],
          ["TYPE", "none"],
        ]) {
          results.push(await scanAll(client, words));
        }
        client.close();
        return results;
      }),
    );
    expect(found[0]).toEqual(found[1]);
    expect(found[0]?.map((keys) => keys.length)).toEqual([550, 55, 50, 550, 550, 0]);
  });
});

async function scanAll(client: RawClient, words: readonly string[]): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = "0";
  do {
    const lines = (await client.text("SCAN", cursor, ...words)).split("\r\n");
    cursor = lines[2] as string;
    for (let i = 5; i < lines.length; i += 2) keys.add(lines[i] as string);
  } while (cursor !== "0");
  return [...keys].sort();
}

const UNORDERED = [
  {
    command: "keys",
    reason: "the order of keys is that of the hash table",
    normalise: (reply: Buffer) => sorted(reply, 1),
  },
  {
    command: "scan",
    reason: "an empty or unscanned database: only the form of errors is compared",
    normalise: (reply: Buffer) => sorted(reply, 1),
  },
];

function randomStep(script: Script): Word[] {
  const key = script.key();
  const other = script.key();
  const database = String(script.random.below(3));
  const commands: (() => Word[])[] = [
    () => ["SET", key, script.value()],
    () => ["SET", key, script.value(), "PXAT", "4000000000000"],
    () => ["RPUSH", key, "1", "2", "3"],
    () => ["SADD", key, "1", "2", "x"],
    () => ["HSET", key, "f", "v"],
    () => ["ZADD", key, "1", "a", "2", "b"],
    () => ["SADD", key, ...Array.from({ length: 200 }, (_, i) => `m${i}`)],
    () => ["DEL", key, other],
    () => ["UNLINK", key],
    () => ["EXISTS", key, other, key],
    () => ["TOUCH", key, other],
    () => ["TYPE", key],
    () => ["RENAME", key, other],
    () => ["RENAMENX", key, other],
    () => ["COPY", key, other, ...(script.once(2) ? ["REPLACE"] : []), ...(script.once(2) ? ["DB", database] : [])],
    () => ["MOVE", key, database],
    () => ["SELECT", database],
    () => ["SWAPDB", database, String(script.random.below(3))],
    () => ["OBJECT", "ENCODING", key],
    () => ["OBJECT", "REFCOUNT", `none${script.random.below(3)}`],
    () => ["DBSIZE"],
    () => ["KEYS", script.pick(PATTERNS)],
    () => ["PEXPIRETIME", key],
    () => ["PERSIST", key],
    () => ["GET", key],
    () => ["LRANGE", key, "0", "-1"],
    () => ["SCARD", key],
    () => ["HGETALL", key],
    () => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
    () => (script.once(10) ? ["FLUSHDB"] : ["DBSIZE"]),
  ];
  return script.pick(commands)();
}
