import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const PATIENCE = { timeout: 10_000 };
const BIG = Buffer.alloc(2 << 20, "x");

let server: OwnServer;
let admin: RawClient;
let clients: RawClient[];

beforeEach(async () => {
  server = await startOwnServer("--maxmemory-clients", "1mb", "--proto-max-bulk-len", "512mb");
  admin = await RawClient.connect(server.port);
  clients = [admin];
});

afterEach(async () => {
  for (const client of clients) client.socket.destroy();
  await server.stop();
});

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(server.port);
  clients.push(client);
  return client;
}

async function evicted(): Promise<number> {
  return Number(/evicted_clients:(\d+)/.exec(await admin.text("INFO", "stats"))?.[1]);
}

test.each<[string, (client: RawClient) => Promise<void>]>([
  [
    "sends a large argument",
    async (client) => {
      client.write(Buffer.concat([Buffer.from("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n"), BIG]));
    },
  ],
  [
    "queues many commands",
    async (client) => {
      client.write(
        Buffer.concat([["MULTI"], ...Array.from({ length: 6000 }, (_, k) => ["GET", `k${k}`])].map(encodeCommand)),
      );
    },
  ],
  [
    "watches many keys",
    async (client) => {
      client.write(encodeCommand(["WATCH", ...Array.from({ length: 8000 }, (_, k) => `key:${k}`)]));
    },
  ],
  [
    "subscribes to many channels",
    async (client) => {
      client.write(encodeCommand(["SUBSCRIBE", ...Array.from({ length: 8000 }, (_, k) => `channel:${k}`)]));
    },
  ],
  [
    "does not read its replies",
    async (client) => {
      client.socket.pause();
      await admin.command("SETRANGE", "large", String(BIG.length), "x");
      for (let k = 0; k < 20; k++) client.write(encodeCommand(["GET", "large"]));
    },
  ],
])("the client that takes most memory goes: it %s", async (_what, grow) => {
  const [small, large] = [await connect(), await connect()];
  await small.command("SET", "before", "1");
  await grow(large);
  await expect.poll(evicted, PATIENCE).toBe(1);
  expect(await small.text("PING")).toBe("+PONG\r\n");
  expect(await admin.text("CLIENT", "LIST")).not.toMatch(/tot-mem=\d{7}/);
});

test("who asked not to be evicted stays, and the others go in its place", async () => {
  const [kept, other] = [await connect(), await connect()];
  await kept.command("CLIENT", "NO-EVICT", "ON");
  await kept.command("CLIENT", "SETNAME", "kept");
  await other.command("CLIENT", "SETNAME", "other");
  kept.write(Buffer.concat([Buffer.from("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n"), BIG]));
  const namesThere = async (): Promise<string[]> => {
    const list = await (await connect()).text("CLIENT", "LIST");
    return [...list.matchAll(/ name=(\w+)/g)].map(([, name]) => name as string);
  };
  await expect.poll(namesThere, PATIENCE).toEqual(["kept"]);
});

test("a percentage is of maxmemory, and without a limit nobody goes", async () => {
  expect(await admin.text("CONFIG", "SET", "maxmemory-clients", "50%")).toBe("+OK\r\n");
  const large = await connect();
  large.write(Buffer.concat([Buffer.from("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n"), BIG]));
  await expect.poll(() => admin.text("CLIENT", "LIST"), PATIENCE).toMatch(/tot-mem=\d{7}/);
  expect(await evicted()).toBe(0);
  expect(await admin.text("CONFIG", "SET", "maxmemory", "2mb")).toBe("+OK\r\n");
  await expect.poll(evicted, PATIENCE).toBe(1);
});

test("a hundred thousand watched keys keep nobody waiting", async () => {
  await admin.command("CONFIG", "SET", "maxmemory-clients", "0");
  const startMs = performance.now();
  const keys = Array.from({ length: 100_000 }, (_, k) => `key:${k}`);
  expect(await admin.text("WATCH", ...keys)).toBe("+OK\r\n");
  expect(await admin.text("MULTI")).toBe("+OK\r\n");
  expect(await admin.text("EXEC")).toBe("*0\r\n");
  expect(performance.now() - startMs).toBeLessThan(3000);
});
