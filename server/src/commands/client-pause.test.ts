import { afterEach, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { type Client, ClientFlag } from "./client.ts";

const PAUSE_MS = 400;
const LONG_PAUSE_MS = 60_000;
const LIBRARY = "#!lua name=f\nredis.register_function('f', function(keys) return redis.call('set', keys[1], 1) end)";

let server: OwnServer | undefined;
const clients: RawClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await server?.stop();
});

async function connect(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  clients.push(client);
  return client;
}

test.each([
  ["SET", [["SET", "k", "1"]], true],
  ["a script", [["EVAL", "return redis.call('set', KEYS[1], 1)", "1", "k"]], true],
  ["a function", [["FCALL", "f", "1", "k"]], true],
  ["a transaction with a script", [["MULTI"], ["EVAL", "return redis.call('set', 'k', 1)", "0"], ["EXEC"]], true],
  ["a read-only script", [["EVAL_RO", "return 1", "0"]], false],
  ["GET", [["GET", "k"]], false],
] as const)("CLIENT PAUSE WRITE and %s", async (_what, commands, isHeld) => {
  server = await startOwnServer();
  const [admin, client] = [await connect(server.port), await connect(server.port)];
  await admin.text("FUNCTION", "LOAD", LIBRARY);
  // Who is not held is answered long before the end; who is, not before it.
  const pauseMs = isHeld ? PAUSE_MS : LONG_PAUSE_MS;
  const startMs = performance.now();
  await admin.text("CLIENT", "PAUSE", String(pauseMs), "WRITE");
  for (const words of commands) expect((await client.command(...words))[0]).not.toBe(45);
  const tookMs = performance.now() - startMs;
  if (isHeld) expect(tookMs).toBeGreaterThan(pauseMs - 1);
  else expect(tookMs).toBeLessThan(pauseMs);
});

test("CLIENT PAUSE ALL and a client whose wait for replicas ends meanwhile", async () => {
  server = await startOwnServer();
  const { pause, clients: registry, unblock } = server.context;
  const client = await connect(server.port);
  client.write("WAIT 1 0\r\nPING\r\n");
  const waiting = (): Client | undefined => [...registry.all()].find((each) => each.has(ClientFlag.blocked));
  await eventually("it waits", () => waiting() !== undefined);
  pause.pause("client", LONG_PAUSE_MS, "all");
  unblock(waiting() as Client, false);
  expect(String((await client.replies(1))[0])).toBe(":0\r\n");
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(client.takeAll()).toHaveLength(0);
  pause.unpause("client");
  expect(String((await client.replies(1))[0])).toBe("+PONG\r\n");
});

test("CLIENT PAUSE: what expires meanwhile is seen no more, and deleted afterwards", async () => {
  server = await startOwnServer();
  const admin = await connect(server.port);
  const expired = async (): Promise<string> => /expired_keys:(\d+)/.exec(await admin.text("INFO", "stats"))?.[1] ?? "";
  admin.write("MULTI\r\nSET a 1 PX 10\r\nSET b 1 PX 10\r\nCLIENT PAUSE 60000 WRITE\r\nEXEC\r\n");
  await admin.replies(5);
  await eventually("the time is over", async () => (await admin.text("GET", "a")) === "$-1\r\n");
  await eventually("of the other too", async () => (await admin.text("GET", "b")) === "$-1\r\n");
  expect([await admin.text("DBSIZE"), await expired()]).toEqual([":2\r\n", "0"]);
  await admin.text("CLIENT", "UNPAUSE");
  await admin.text("EXISTS", "a", "b");
  expect([await admin.text("DBSIZE"), await expired()]).toEqual([":0\r\n", "2"]);
});
