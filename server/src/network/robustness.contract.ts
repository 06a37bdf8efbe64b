/**
 * Tests of clients that are slow, huge, broken or gone: each gets what it is due, and the others never notice. Sockets are read
 * and written in batches or one by one: both ways pass the same.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, describe, expect, test } from "vitest";
import { seedOf } from "../testing/differential.ts";
import { mutate } from "../testing/mutated-input.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { KEYS, Script, VALUES } from "../testing/script.ts";

const MIB = 1 << 20;
const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function connect(server: OwnServer): Promise<RawClient> {
  const client = await RawClient.connect(server.port);
  opened.push(() => client.close());
  return client;
}

/** Once another client has had an answer, what was written before has been read by the server too. */
async function settle(other: RawClient): Promise<void> {
  for (let turn = 0; turn < 2; turn++) expect(await other.text("PING")).toBe("+PONG\r\n");
}

export function testRobustness(batching: "yes" | "no"): void {
  describe(`with socket-batching ${batching}`, () => {
    async function start(...directives: readonly string[]): Promise<OwnServer> {
      const server = await startOwnServer("--socket-batching", batching, ...directives);
      opened.push(() => server.stop());
      return server;
    }

    test("a pipeline cut at any byte gives the replies it gives whole", async () => {
      const server = await start();
      const [client, other] = [await connect(server), await connect(server)];
      const commands = [
        ["SET", "k", Buffer.from([0, 13, 10, 36])],
        ["GET", "k"],
        ["INCR", "n"],
        ["DEL", "n", "k"],
        ["NOSUCH"],
      ];
      const pipeline = Buffer.concat([...commands.map(encodeCommand), Buffer.from('PING "a b"\r\n')]);
      client.write(pipeline);
      const whole = Buffer.concat(await client.replies(6));
      for (let cut = 1; cut < pipeline.length; cut++) {
        client.write(pipeline.subarray(0, cut));
        await settle(other);
        client.write(pipeline.subarray(cut));
        expect(Buffer.concat(await client.replies(6)), `cut at ${cut}`).toEqual(whole);
      }
      for (const byte of pipeline) {
        client.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(Buffer.concat(await client.replies(6))).toEqual(whole);
    });

    test("ten thousand commands in one write are answered in order", async () => {
      const client = await connect(await start());
      const count = 10_000;
      client.write(Buffer.concat(Array.from({ length: count }, (_, i) => encodeCommand(["ECHO", `message ${i}`]))));
      const replies = await client.replies(count);
      expect(replies.every((reply, i) => reply.includes(` ${i}\r\n`))).toBe(true);
    });

    test("values of one byte to a hundred million come back as they were", async () => {
      const client = await connect(await start());
      for (const size of [1, 65_535, 65_536, MIB, 100_000_000]) {
        const value = Buffer.alloc(size, `${size} bytes\r\n`);
        expect(await client.text("SET", "k", value)).toBe("+OK\r\n");
        const reply = await client.command("GET", "k");
        expect(reply.subarray(`$${size}\r\n`.length, -2).equals(value)).toBe(true);
      }
    });

    test("proto-max-bulk-len bounds one argument, and what strings may grow to", async () => {
      const server = await start("--proto-max-bulk-len", "1mb");
      const client = await connect(server);
      expect(await client.text("SET", "k", Buffer.alloc(MIB))).toBe("+OK\r\n");
      expect(await client.text("APPEND", "k", "x")).toMatch(/^-ERR string exceeds maximum allowed size/);
      expect(await client.text("SETRANGE", "k", String(MIB), "x")).toMatch(/^-ERR string exceeds maximum allowed size/);
      client.write(encodeCommand(["SET", "k", Buffer.alloc(MIB + 1)]));
      expect((await client.untilClosed()).toString()).toBe("-ERR Protocol error: invalid bulk length\r\n");
      expect(await (await connect(server)).text("STRLEN", "k")).toBe(`:${MIB}\r\n`);
    });

    test("requests of very many arguments, whole and in pieces", async () => {
      const server = await start();
      const client = await connect(server);
      const count = 150_000;
      const keys = Array.from({ length: count }, (_, i) => `k${i}`);
      client.write(encodeCommand(["MSET", ...keys.flatMap((key) => [key, "v"])]));
      expect((await client.replies(1))[0]?.toString()).toBe("+OK\r\n");
      const request = encodeCommand(["DEL", ...keys]);
      for (let start = 0; start < request.length; start += 100_001)
        client.write(request.subarray(start, start + 100_001));
      expect((await client.replies(1))[0]?.toString()).toBe(`:${count}\r\n`);
    });

    test("a client that does not read is closed at its output limit, and nobody else suffers", async () => {
      const server = await start("--client-output-buffer-limit", "normal", "16mb", "0", "0");
      const [greedy, other] = [await connect(server), await connect(server)];
      await other.command("SET", "big", Buffer.alloc(100_000, "x"));
      greedy.socket.pause();
      const get = encodeCommand(["GET", "big"]);
      greedy.write(Buffer.concat(Array.from({ length: 10_000 }, () => get)));
      await settle(other);
      const before = process.memoryUsage().arrayBuffers;
      expect(await other.text("CLIENT", "LIST")).toMatch(/id=2/);
      for (let i = 0; i < 50; i++) await settle(other);
      expect(await other.text("CLIENT", "LIST")).not.toMatch(/id=1 /);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MIB);
      greedy.socket.resume();
      await greedy.untilClosed();
    });

    test("a client that stays above its soft limit is closed, though nothing more is written for it", async () => {
      const server = await start("--client-output-buffer-limit", "normal", "0", "4mb", "0");
      const [greedy, other] = [await connect(server), await connect(server)];
      await other.command("SET", "big", Buffer.alloc(40 * MIB, "x"));
      greedy.socket.pause();
      greedy.write(encodeCommand(["GET", "big"]));
      await settle(other);
      await expect.poll(() => other.text("CLIENT", "LIST")).not.toMatch(/id=1 /);
      greedy.socket.resume();
      expect((await greedy.untilClosed()).length).toBeLessThan(40 * MIB);
    });

    test("a slow reader within its limit gets everything in the end", async () => {
      const server = await start();
      const [slow, other] = [await connect(server), await connect(server)];
      const value = Buffer.alloc(100_000, "x");
      await other.command("SET", "big", value);
      slow.socket.pause();
      slow.write(Buffer.concat(Array.from({ length: 200 }, () => encodeCommand(["GET", "big"]))));
      for (let i = 0; i < 20; i++) await settle(other);
      slow.socket.resume();
      const replies = await slow.replies(200);
      expect(replies.every((reply) => reply.length === value.length + "$100000\r\n\r\n".length)).toBe(true);
    });

    test("a malformed request ends its own connection after the replies before it, and no other", async () => {
      const server = await start();
      const [broken, other] = [await connect(server), await connect(server)];
      broken.write("PING\r\n*1\r\n$x\r\nPING\r\nPING\r\n");
      expect((await broken.untilClosed()).toString()).toBe("+PONG\r\n-ERR Protocol error: invalid bulk length\r\n");
      await settle(other);
    });

    test("a client that ends its side still gets all its replies", async () => {
      const server = await start();
      const client = await connect(server);
      const count = 5000;
      const value = Buffer.alloc(1000, "x");
      client.write(Buffer.concat(Array.from({ length: count }, () => encodeCommand(["ECHO", value]))));
      client.end();
      const all = await client.untilClosed();
      expect(all.length).toBe(count * (value.length + "$1000\r\n\r\n".length));
    });

    test("connections reset in the middle of a request or a reply leave nothing behind", async () => {
      const server = await start();
      const other = await connect(server);
      await other.command("SET", "big", Buffer.alloc(MIB));
      for (const bytes of [
        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\nabc",
        "",
        "*1",
        "GET big\r\n".repeat(50),
        "MULTI\r\nSET a b\r\n",
      ]) {
        const client = await connect(server);
        client.write(bytes);
        await settle(other);
        client.socket.resetAndDestroy();
        await settle(other);
      }
      for (let i = 0; i < 10; i++) await settle(other);
      expect((await other.text("CLIENT", "LIST")).match(/id=/g)).toHaveLength(1);
      expect(await other.text("GET", "a")).toBe("$-1\r\n");
    });

    test("clients beyond maxclients are told so, and there is room again when one leaves", async () => {
      const server = await start("--maxclients", "3");
      const clients = [await connect(server), await connect(server), await connect(server)];
      for (const client of clients) await settle(client);
      const refused = await connect(server);
      expect((await refused.untilClosed()).toString()).toBe("-ERR max number of clients reached\r\n");
      clients[0]?.close();
      await settle(clients[1] as RawClient);
      await settle(await connect(server));
    });

    test("a request larger than client-query-buffer-limit ends its connection", async () => {
      const server = await start("--client-query-buffer-limit", "2mb");
      const [client, other] = [await connect(server), await connect(server)];
      expect(await client.text("SET", "k", Buffer.alloc(MIB))).toBe("+OK\r\n");
      client.write(encodeCommand(["SET", "k", Buffer.alloc(3 * MIB)]));
      expect((await client.untilClosed()).toString()).toBe("");
      expect(await other.text("STRLEN", "k")).toBe(`:${MIB}\r\n`);
    });

    test("two thousand mutated inputs neither stop the server nor make it grow", async () => {
      const seed = seedOf(61);
      const script = new Script(seed);
      const server = await start();
      const other = await connect(server);
      const inputs = 2000;
      const atOnce = 100;
      for (let done = 0; done < inputs; done += atOnce) {
        await Promise.all(
          Array.from({ length: atOnce }, async () => {
            const client = await RawClient.connect(server.port);
            client.write(mutate(script, randomPipeline(script)));
            client.end();
            await client.untilClosed();
            client.close();
          }),
        );
        expect(await other.text("PING"), `seed ${seed}, after ${done}`).toBe("+PONG\r\n");
      }
      expect((await other.text("CLIENT", "LIST")).match(/id=/g)).toHaveLength(1);
    }, 30_000);

    function randomPipeline(script: Script): Buffer {
      const commands = Array.from({ length: 1 + script.random.below(5) }, () =>
        script.pick([
          ["SET", script.pick(KEYS), script.pick(VALUES)],
          ["GET", script.pick(KEYS)],
          ["LPUSH", "list", script.pick(VALUES), "b"],
          ["HSET", "hash", script.pick(KEYS), script.pick(VALUES)],
          ["ZADD", "zset", "1.5", script.pick(KEYS)],
          ["MULTI"],
          ["EXEC"],
          ["HELLO", "3"],
          ["EXPIRE", script.pick(KEYS), "1"],
          ["SCAN", "0", "COUNT", "10"],
          ["SUBSCRIBE", "channel"],
        ]),
      );
      return Buffer.concat(commands.map(encodeCommand));
    }
  });
}
