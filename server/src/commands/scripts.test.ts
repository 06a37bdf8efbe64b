/** What scripts do here and cannot be compared with redis-server. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

let server: OwnServer;
let client: RawClient;
beforeAll(async () => {
  server = await startOwnServer("--busy-reply-threshold", "100");
  client = await RawClient.connect(server.port);
});
afterAll(async () => {
  client.close();
  await server.stop();
});

test.each([
  "while true do pcall(function() while true do end end) end",
  "local f = coroutine.wrap(function() while true do end end) f()",
  "redis.call('SET', 'key', 1) pcall(function() while true do end end)",
])("an endless script that cannot be interrupted is stopped: %s", async (source) => {
  expect(String(await client.command("EVAL", source, "0"))).toContain("Script stopped");
  expect(String(await client.command("EVAL", "return 7", "0"))).toBe(":7\r\n");
});

test("a table within itself ends in an error", async () => {
  const reply = String(await client.command("EVAL", "local t = {} t[1] = t return t", "0"));
  expect(reply.endsWith("-ERR reached lua stack limit\r\n")).toBe(true);
});

test("INFO counts the scripts that are kept, and their bytes", async () => {
  await client.command("SCRIPT", "FLUSH");
  await client.command("SCRIPT", "LOAD", "return 12");
  const info = String(await client.command("INFO", "memory"));
  expect(info).toContain("number_of_cached_scripts:1\r\n");
  expect(info).toContain("used_memory_scripts:9\r\n");
});
