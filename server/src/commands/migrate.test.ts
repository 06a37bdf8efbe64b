/** MIGRATE from our server to a redis-server and to another of ours, beside what redis-server answers. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer, startReferenceServer } from "../testing/reference-server.ts";

interface Closable {
  readonly port: number;
  stop(): Promise<void>;
}

const CLOSED_PORT = "1";

describe.runIf(hasReferenceServer)("MIGRATE", () => {
  let source: OwnServer;
  let targets: Closable[];
  let reference: Closable;
  const clients = new Map<number, RawClient>();
  beforeAll(async () => {
    source = await startOwnServer("--enable-debug-command", "yes");
    reference = await startReferenceServer("--enable-debug-command", "yes");
    targets = [await startReferenceServer("--requirepass", "secret"), await startOwnServer("--requirepass", "secret")];
    for (const { port } of [source, reference, ...targets]) clients.set(port, await RawClient.connect(port));
    for (const { port } of targets) await on(port, "AUTH", "secret");
  });
  afterAll(async () => {
    for (const client of clients.values()) client.close();
    await Promise.all([source, reference, ...targets].map((server) => server.stop()));
  });
  beforeEach(async () => {
    for (const { port } of [source, reference, ...targets]) await on(port, "FLUSHALL");
  });

  const on = (port: number, ...args: string[]): Promise<string> => {
    const client = clients.get(port);
    if (client === undefined) throw new Error("No client");
    return client.text(...args);
  };

  test("moves and copies keys of every type, with their expiry, to either server", async () => {
    for (const { port } of targets) {
      const to = (...rest: string[]): string[] => ["MIGRATE", "127.0.0.1", String(port), ...rest];
      for (const from of [source.port, reference.port]) {
        await on(from, "FLUSHALL");
        await on(port, "FLUSHALL");
        await on(from, "SET", "s", "text", "EX", "1000");
        await on(from, "RPUSH", "l", "a", "b");
        await on(from, "HSET", "h", "f", "v");
        await on(from, "ZADD", "z", "1", "m");
        const digest = await on(from, "DEBUG", "DIGEST-VALUE", "s", "l", "h", "z");
        expect(await on(from, ...to("s", "0", "1000", "COPY", "AUTH", "secret"))).toBe("+OK\r\n");
        expect(await on(from, "EXISTS", "s")).toBe(":1\r\n");
        expect(
          await on(
            from,
            ...to("", "0", "1000", "REPLACE", "AUTH2", "default", "secret", "KEYS", "s", "l", "none", "h", "z"),
          ),
        ).toBe("+OK\r\n");
        expect(await on(from, "DBSIZE")).toBe(":0\r\n");
        expect(await on(port, "DBSIZE")).toBe(":4\r\n");
        expect(await on(port, "TTL", "s")).toMatch(/^:(1000|999)\r\n$/);
        // The target gives them back unchanged.
        for (const key of ["s", "l", "h", "z"]) await on(port, "MIGRATE", "127.0.0.1", String(from), key, "0", "1000");
        expect(await on(from, "DEBUG", "DIGEST-VALUE", "s", "l", "h", "z")).toBe(digest);
      }
    }
  });

  test("answers as redis-server where it cannot", async () => {
    const { port } = targets[0] as Closable;
    const at = ["127.0.0.1", String(port)];
    const calls = [
      [...at, "none", "0", "1000"],
      // A name of its own, since redis-server goes on with connections on which it has authenticated.
      ["localhost", String(port), "k", "0", "1000"],
      [...at, "k", "0", "1000", "AUTH", "wrong"],
      [...at, "k", "99", "1000", "AUTH", "secret"],
      [...at, "k", "0", "1000", "AUTH", "secret"],
      [...at, "k", "x", "1000"],
      [...at, "k", "0", "x"],
      [...at, "k", "0", "1000", "BAD"],
      [...at, "k", "0", "1000", "AUTH"],
      [...at, "k", "0", "1000", "AUTH2", "x"],
      [...at, "k", "0", "1000", "KEYS", "k"],
      [...at, "", "0", "1000", "KEYS", "none"],
      ["127.0.0.1", CLOSED_PORT, "k", "0", "100"],
      ["127.0.0.1", CLOSED_PORT, "none", "0", "100"],
    ];
    await on(port, "SET", "k", "taken");
    for (const from of [source.port, reference.port]) await on(from, "SET", "k", "v");
    for (const call of calls) {
      expect(await on(source.port, "MIGRATE", ...call), call.join(" ")).toBe(
        await on(reference.port, "MIGRATE", ...call),
      );
    }
    expect(await on(source.port, "GET", "k")).toBe("$1\r\nv\r\n");
    expect(await on(port, "GET", "k")).toBe("$5\r\ntaken\r\n");
    for (const words of [
      ["k", "0", "5"],
      ["", "0", "5", "KEYS", "a", "b"],
    ]) {
      const call = ["COMMAND", "GETKEYSANDFLAGS", "MIGRATE", "h", "1", ...words];
      expect(await on(source.port, ...call)).toBe(await on(reference.port, ...call));
    }
  });

  test("serves others meanwhile, and loses nothing that they write", async () => {
    const { port } = targets[1] as Closable;
    const other = await RawClient.connect(source.port);
    const size = 2000;
    const keys = Array.from({ length: size }, (_, k) => `k${k}`);
    for (const key of keys) await other.command("SET", key, "0");
    const migrating = on(
      source.port,
      "MIGRATE",
      "127.0.0.1",
      String(port),
      "",
      "0",
      "5000",
      "AUTH",
      "secret",
      "KEYS",
      ...keys,
    );
    // Each is counted up until it has gone: what is counted here and at the target must be all.
    const counted = new Map<string, number>();
    for (let round = 0; round < 20; round++) {
      for (let k = 0; k < size; k += 97) {
        const key = `k${k}`;
        const reply = await other.text("SET", key, String(round + 1), "XX");
        if (reply.startsWith("+")) counted.set(key, round + 1);
      }
    }
    expect(await migrating).toBe("+OK\r\n");
    for (const key of keys) {
      const value = (await on(source.port, "GET", key)).startsWith("$-1")
        ? await on(port, "GET", key)
        : await other.text("GET", key);
      const wanted = String(counted.get(key) ?? 0);
      expect(value, key).toBe(`$${wanted.length}\r\n${wanted}\r\n`);
    }
    expect(await on(source.port, "DBSIZE")).toBe(":0\r\n");
    other.close();
  });

  test("is refused inside a transaction", async () => {
    await on(source.port, "SET", "k", "v");
    await on(source.port, "MULTI");
    await on(source.port, "MIGRATE", "127.0.0.1", CLOSED_PORT, "k", "0", "100");
    expect(await on(source.port, "EXEC")).toMatch(/^\*1\r\n-ERR MIGRATE is not possible inside a transaction/);
  });
});
