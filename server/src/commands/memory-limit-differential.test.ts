/** What a full server refuses, beside redis-server: writes, transactions, and what frees memory. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step } from "../testing/differential.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

describe.runIf(hasReferenceServer)("maxmemory beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const compare = (lines: readonly string[]): Promise<number> =>
    compareServers({ ports: pair.ports, steps: lines.map((line): Step => ({ args: line.split(" ") })) });

  test("writes are refused, reads and deletions are not", async () => {
    const script = [
      ...["SET a 1", "RPUSH l 1 2 3", "HSET h f v", "CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1"],
      ...["SET a 2", "GET a", "APPEND a x", "INCR a", "LPUSH l x", "LPOP l", "HSET h f w", "HDEL h f", "EXPIRE a 100"],
      ...["SADD s x", "ZADD z 1 x", "RENAME a b", "COPY b c", "DEL b", "SETRANGE a 1 x", "GETSET a x", "PERSIST a"],
      ...["SETBIT b 1 1", "MSET a 1 b 2", "LMOVE l l LEFT RIGHT", "PUBLISH c m", "KEYS *"],
      ...["CONFIG SET maxmemory 0", "SET a 2", "FLUSHALL"],
    ];
    expect(await compare(script)).toBeGreaterThan(0);
  });

  test("transactions: nothing is queued, and EXEC looks at what was", async () => {
    const script = [
      ...["SET a 1", "MULTI", "GET a", "SET a 2", "CONFIG SET maxmemory 1", "EXEC", "GET a", "CONFIG SET maxmemory 1"],
      ...["MULTI", "GET a", "EXEC", "MULTI", "SET a 3", "EXEC", "MULTI", "MULTI", "EXEC", "MULTI", "PING", "DISCARD"],
      ...["MULTI", "WATCH a", "EXEC", "CONFIG SET maxmemory 0", "MULTI", "GET a", "EXEC", "FLUSHALL"],
    ];
    expect(await compare(script)).toBeGreaterThan(0);
  });

  test.each(["allkeys-lru", "volatile-lru", "allkeys-lfu", "volatile-ttl", "allkeys-random", "volatile-random"])(
    "%s: nothing left to evict is an error",
    async (policy) => {
      const script = [
        ...["SET a 1 EX 1000", "SET b 1 EX 1000", `CONFIG SET maxmemory-policy ${policy}`, "CONFIG SET maxmemory 1"],
        ...["SET c 1", "DBSIZE", "CONFIG SET maxmemory 0", "CONFIG SET maxmemory-policy noeviction", "FLUSHALL"],
      ];
      expect(await compare(script)).toBeGreaterThan(0);
    },
  );
});
