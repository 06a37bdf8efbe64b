/** DUMP and RESTORE beside redis-server: the same bytes where encodings are the same, payloads of either for the other. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyspaceDifference } from "../testing/compare-keyspaces.ts";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { NUMBERS, Script, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const MEMBERS: readonly Word[] = [
  ...["a", "b", "member", "", "12", "-7", "70000", "9223372036854775807", "007", "x".repeat(63), "y".repeat(300)],
  ...["compressible ".repeat(20), Buffer.from([0, 255, 13, 10]), "1.5", "-0"],
];

/** Bytes of a bulk reply. */
function bulkOf(reply: Buffer): Buffer {
  const start = reply.indexOf("\r\n") + 2;
  return reply.subarray(start, reply.length - 2);
}

/** Commands that make one key of every type and encoding, of random content. */
function values(script: Script): Step[] {
  const steps: Word[][] = [];
  const some = (most: number): Word[] => [script.pick(MEMBERS), ...script.some(MEMBERS, most)];
  const many = (prefix: string): string[] =>
    Array.from({ length: 150 + script.random.below(300) }, (_, i) => prefix + i);
  for (let k = 0; k < 12; k++) {
    steps.push(["SET", `string${k}`, script.pick(MEMBERS)], ["SET", `number${k}`, script.pick(NUMBERS)]);
    steps.push(
      ["RPUSH", `list${k}`, ...some(10)],
      ["RPUSH", `longlist${k}`, ...many("element number "), ...many("x".repeat(60))],
    );
    steps.push(["SADD", `set${k}`, ...some(8)], ["SADD", `largeset${k}`, ...many("m")]);
    steps.push(["SADD", `intset${k}`, String(script.random.below(100)), "-5", "70000", "99999999999"]);
    steps.push(["HSET", `hash${k}`, ...[...new Set(some(8))].flatMap((field) => [field, script.pick(MEMBERS)])]);
    steps.push([
      "HSET",
      `largehash${k}`,
      ...many("field").flatMap((field) => [field, String(script.random.below(1e6))]),
    ]);
    steps.push(["ZADD", `zset${k}`, ...some(8).flatMap((member) => [String(script.random.below(50) / 8), member])]);
    steps.push([
      "ZADD",
      `largezset${k}`,
      ...many("m").flatMap((member) => [String(script.random.below(400) / 7), member]),
    ]);
  }
  steps.push(["RPUSH", "huge", "x".repeat(20_000), "y", "z".repeat(9000)], ["ZADD", "ends", "inf", "a", "-inf", "b"]);
  return steps.map((args) => ({ args }));
}

/**
 * Not the same bytes: the order of hash tables is each server's own, small sets of strings have another encoding in 7.0,
 * and where a long list is cut into blocks depends on an estimate there, on the exact size here.
 */
const OWN_BYTES = /^(set|largeset|largehash|hash|longlist)/;

describe.runIf(hasReferenceServer)("DUMP and RESTORE beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair("--rdbcompression", "no");
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[]): Promise<number> =>
    compareServers({ ports: pair.ports, steps, normalisers: KNOWN_DIFFERENCES });

  test.each([51, 52])("the bytes are the same (seed %i)", async (fallback) => {
    const seed = seedOf(fallback);
    const steps = values(new Script(seed));
    const keys = steps.map(({ args }) => String(args[1]));
    for (const key of keys) {
      if (!OWN_BYTES.test(key)) steps.push({ args: ["DUMP", key] });
      steps.push({ args: ["DEBUG", "DIGEST-VALUE", key] });
    }
    steps.push({ args: ["DUMP", "none"] }, { args: ["DEBUG", "DIGEST"] }, { args: ["DEBUG", "DIGEST-VALUE"] });
    expect(await compareServers({ ports: pair.ports, steps, seed, normalisers: KNOWN_DIFFERENCES })).toBe(steps.length);
  });

  test.each(["no", "yes"])("payloads of either are taken by the other, compressed: %s", async (compressed) => {
    const steps: Step[] = [{ args: ["CONFIG", "SET", "rdbcompression", compressed] }, ...values(new Script(53))];
    await compare(steps);
    const [ours, reference] = await Promise.all(
      [pair.ports.ours, pair.ports.reference].map((p) => RawClient.connect(p)),
    );
    if (ours === undefined || reference === undefined) throw new Error("No clients");
    for (const { args } of steps.slice(1)) {
      const key = args[1] as string;
      const own = bulkOf(await ours.command("DUMP", key));
      const theirs = bulkOf(await reference.command("DUMP", key));
      expect((await reference.text("RESTORE", `${key}:copy`, "0", own)).trim(), key).toBe("+OK");
      expect((await ours.text("RESTORE", `${key}:copy`, "0", theirs)).trim(), key).toBe("+OK");
      const encoding = await ours.text("OBJECT", "ENCODING", key);
      expect(await ours.text("OBJECT", "ENCODING", `${key}:copy`), key).toBe(encoding);
    }
    expect(await keyspaceDifference(pair.ports)).toBeUndefined();
    for (const client of [ours, reference]) client.close();
    await compare([{ args: ["CONFIG", "SET", "rdbcompression", "no"] }]);
  });

  test("options, errors and expiry agree", async () => {
    const payload = Buffer.from("00c00a0a006e9f5b8f1a1e1b3d", "hex");
    const client = await RawClient.connect(pair.ports.reference);
    await client.command("SET", "k", "10");
    const good = bulkOf(await client.command("DUMP", "k"));
    client.close();
    const withVersion = (version: number): Buffer => {
      const bytes = Buffer.from(good);
      bytes.writeUInt16LE(version, good.length - 10);
      return bytes;
    };
    const steps: Step[] = [{ args: ["RPUSH", "taken", "x"] }];
    const tails: Word[][] = [
      ...[[], ["REPLACE"], ["ABSTTL"], ["replace", "absttl"], ["IDLETIME"], ["IDLETIME", "-1"], ["IDLETIME", "5"]],
      ...[
        ["FREQ", "5"],
        ["FREQ", "256"],
        ["FREQ", "-1"],
        ["FREQ", "5", "IDLETIME", "5"],
        ["IDLETIME", "5", "FREQ", "5"],
      ],
      ...[["IDLETIME", "x"], ["FREQ", "x"], ["BAD"], ["IDLETIME", "5", "IDLETIME", "6"], ["REPLACE", "BAD"]],
    ];
    for (const key of ["taken", "free"]) {
      for (const bytes of [good, payload, Buffer.alloc(0), Buffer.alloc(9), good.subarray(1), withVersion(11)]) {
        for (const tail of tails) steps.push({ args: ["RESTORE", key, "0", bytes, ...tail] }, { args: ["TYPE", key] });
      }
    }
    steps.push({ args: ["OBJECT", "FREQ", "free"] }, { args: ["DEL", "free"] });
    // Moments beyond 2^53 lose their last digits.
    for (const n of NUMBERS.filter((number) => Math.abs(Number(number)) <= 2 ** 53)) {
      steps.push(
        { args: ["RESTORE", "ttl", n, good, "REPLACE"] },
        { args: ["EXISTS", "ttl"] },
        { args: ["DEL", "ttl"] },
      );
      steps.push(
        { args: ["RESTORE", "ttl", n, good, "ABSTTL"] },
        { args: ["PEXPIRETIME", "ttl"] },
        { args: ["DEL", "ttl"] },
      );
      steps.push({ args: ["SET", "ttl", "old"] }, { args: ["RESTORE", "ttl", n, good, "ABSTTL", "REPLACE"] });
      steps.push({ args: ["PEXPIRETIME", "ttl"] }, { args: ["GET", "ttl"] });
    }
    for (const n of ["9223372036854775807", "9223372036854775806"]) {
      steps.push({ args: ["RESTORE", "ttl", n, good, "REPLACE"] }, { args: ["EXISTS", "ttl"] });
      steps.push({ args: ["RESTORE", "ttl", n, good, "REPLACE", "ABSTTL"] }, { args: ["EXISTS", "ttl"] });
    }
    for (const idle of ["0", "100", "1000000", "9223372036854775807"]) {
      steps.push({ args: ["RESTORE", "idle", "0", good, "REPLACE", "IDLETIME", idle] });
      if (idle.length < 10) steps.push({ args: ["OBJECT", "IDLETIME", "idle"] });
    }
    for (const word of ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "TYPE", "EXISTS", "DUMP", "STRLEN", "TOUCH"]) {
      const steady = { args: ["RESTORE", "idle", "0", good, "REPLACE", "IDLETIME", "1000000"] };
      steps.push(steady, { args: [word, "idle"] }, { args: ["OBJECT", "IDLETIME", "idle"] });
    }
    steps.push({ args: ["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"] });
    for (const frequency of ["0", "5", "255"]) {
      steps.push(
        { args: ["RESTORE", "freq", "0", good, "REPLACE", "FREQ", frequency] },
        { args: ["OBJECT", "FREQ", "freq"] },
      );
    }
    steps.push({ args: ["OBJECT", "IDLETIME", "freq"] }, { args: ["CONFIG", "SET", "maxmemory-policy", "noeviction"] });
    steps.push({ args: ["RESTORE-ASKING", "asking", "0", good] }, { args: ["GET", "asking"] });
    expect(await compare(steps)).toBe(steps.length);
  });
});
