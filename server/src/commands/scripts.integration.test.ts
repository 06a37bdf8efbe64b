/** Scripts that need seconds to reach a limit. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

let server: OwnServer;
let client: RawClient;
beforeAll(async () => {
  server = await startOwnServer();
  client = await RawClient.connect(server.port);
});
afterAll(async () => {
  client.close();
  await server.stop();
});

test("a script that wants all memory is refused it, and the next one runs", async () => {
  const source = "local t = {} for i = 1, 100 do t[i] = string.rep(tostring(i), 2e7) end return #t";
  expect(String(await client.command("EVAL", source, "0"))).toMatch(/^-ERR not enough memory/);
  expect(String(await client.command("EVAL", "return 7", "0"))).toBe(":7\r\n");
});
