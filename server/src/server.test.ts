import { afterEach, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "./testing/own-server.ts";
import { RawClient } from "./testing/raw-client.ts";

const PATIENCE = { timeout: 10_000 };

let server: OwnServer;
afterEach(() => server.stop());

test("memory above a new limit is freed without any further command", async () => {
  server = await startOwnServer("--enable-debug-command", "yes");
  const client = await RawClient.connect(server.port);
  await client.command("DEBUG", "POPULATE", "30000", "key", "300");
  await client.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", "4mb");
  const { eviction } = server.context.keyspace;
  expect(eviction.isOverLimit).toBe(true);
  await expect.poll(() => eviction.isOverLimit, PATIENCE).toBe(false);
  expect(Number((await client.text("DBSIZE")).slice(1))).toBeGreaterThan(1000);
  client.close();
});
