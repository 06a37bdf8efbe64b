import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { ChildServer } from "../testing/child-server.ts";
import { RawClient } from "../testing/raw-client.ts";

test("a server that listens nowhere goes on, and can be told to listen again", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "kv-nowhere-"));
  const server = new ChildServer(directory, ["--save", ""]);
  const port = await server.ready();
  const client = await RawClient.connect(port);
  expect(await client.text("CONFIG", "SET", "bind", "")).toBe("+OK\r\n");
  await expect(RawClient.connect(port)).rejects.toThrow("ECONNREFUSED");
  // With nothing to wait for a process of Node would end now.
  for (let request = 0; request < 1000; request++) expect(await client.text("PING")).toBe("+PONG\r\n");
  expect(await client.text("CONFIG", "SET", "bind", "127.0.0.1")).toBe("+OK\r\n");
  const other = await RawClient.connect(port);
  expect(await other.text("PING")).toBe("+PONG\r\n");
  for (const each of [client, other]) each.close();
  await server.kill();
  rmSync(directory, { recursive: true, force: true });
});
