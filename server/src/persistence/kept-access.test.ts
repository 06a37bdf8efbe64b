import { afterEach, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

let server: OwnServer | undefined;
let client: RawClient | undefined;

afterEach(async () => {
  client?.socket.destroy();
  await server?.stop();
});

async function start(policy: string): Promise<RawClient> {
  server = await startOwnServer("--maxmemory-policy", policy, "--enable-debug-command", "yes");
  client = await RawClient.connect(server.port);
  await client.command("SET", "string", "v");
  await client.command("SADD", "set", "1", "a", "b");
  return client;
}

const number = (reply: string): number => Number(reply.slice(1));

test("a file keeps how often keys were used, where the policy goes by that", async () => {
  const asked = await start("allkeys-lfu");
  for (let k = 0; k < 300; k++) for (const key of ["string", "set"]) await asked.command("TYPE", key);
  for (let k = 0; k < 300; k++) await Promise.all([asked.command("GET", "string")]);
  for (let k = 0; k < 300; k++) await asked.command("SCARD", "set");
  const frequencies = async (): Promise<number[]> => [
    number(await asked.text("OBJECT", "FREQ", "string")),
    number(await asked.text("OBJECT", "FREQ", "set")),
  ];
  const before = await frequencies();
  expect(Math.min(...before)).toBeGreaterThan(7);
  expect(await asked.text("DEBUG", "RELOAD")).toBe("+OK\r\n");
  expect(await frequencies()).toEqual(before);
});

test("a file keeps how long keys were not used, where the policy goes by that", async () => {
  const asked = await start("volatile-lru");
  for (const key of ["string", "set"]) {
    asked.write(`*2\r\n$4\r\nDUMP\r\n$${key.length}\r\n${key}\r\n`);
    const [dump] = (await asked.replies(1)) as [Buffer];
    const payload = dump.subarray(dump.indexOf("\n") + 1, -2);
    await asked.command("RESTORE", key, "0", payload, "REPLACE", "IDLETIME", "5000");
  }
  expect(await asked.text("DEBUG", "RELOAD")).toBe("+OK\r\n");
  for (const key of ["string", "set"]) {
    const idle = number(await asked.text("OBJECT", "IDLETIME", key));
    expect(idle).toBeGreaterThanOrEqual(5000);
    expect(idle).toBeLessThan(5100);
  }
});
