import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { readFile } from "./live-keyspace.ts";
import { temporaryDirectory } from "./reference-redis.ts";

const run = promisify(execFile);
const LIBRARY = "#!lua name=f\nredis.register_function('f', function() return 5 end)";
const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

test("redis-cli --functions-rdb gets a file of the libraries alone, which redis-check-rdb accepts", async () => {
  const server = await startOwnServer();
  opened.push(() => server.stop());
  const client = await RawClient.connect(server.port);
  opened.push(() => client.close());
  await client.text("FUNCTION", "LOAD", LIBRARY);
  await client.text("SET", "k", "v");
  const directory = temporaryDirectory();
  opened.push(() => rmSync(directory, { recursive: true }));
  const file = path.join(directory, "functions.rdb");
  await run("redis-cli", ["-p", String(server.port), "--functions-rdb", file]);
  const { libraries, order } = readFile(readFileSync(file));
  expect([libraries, order]).toEqual([[LIBRARY], []]);
  expect((await run("redis-check-rdb", [file])).stdout).toContain("RDB looks OK");
  expect(await client.text("REPLCONF", "RDB-FILTER-ONLY", "functions keys")).toBe(
    "-ERR Unsupported rdb-filter-only option: keys\r\n",
  );
});
