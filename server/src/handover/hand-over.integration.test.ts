/** A primary that is about to stop hands its shard over, and a client that writes meanwhile loses nothing. */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, freePort } from "../persistence/reference-redis.ts";
import { ChildServer } from "../testing/child-server.ts";
import { ReferenceClient } from "../testing/reference-server.ts";

const run = promisify(execFile);
const MAIN = path.join(import.meta.dirname, "../handover-main.ts");
const nodes: { readonly port: number; readonly server: ChildServer; readonly folder: string }[] = [];

async function handOverAt(port: number): Promise<string> {
  const words = ["--conditions=source", "--no-warnings", MAIN, String(port)];
  return (await run(process.execPath, words)).stdout.trim();
}

async function ask(port: number, ...words: string[]): Promise<string> {
  const client = await ReferenceClient.connect(port);
  try {
    return String((await client.send([words]))[0]);
  } finally {
    client.close();
  }
}

const roleOf = async (port: number) => /^role:(\w+)/m.exec(await ask(port, "INFO", "replication"))?.[1];

async function start(...words: readonly string[]): Promise<number> {
  const port = await freePort();
  if (port > 55_000) return await start(...words);
  const folder = mkdtempSync(path.join(tmpdir(), "kv-handover-"));
  const fixed = ["--port", String(port), "--save", "", "--repl-diskless-sync-delay", "0"];
  const server = new ChildServer(folder, [...fixed, ...words]);
  nodes.push({ port, server, folder });
  await server.ready();
  return port;
}

beforeAll(async () => {
  while (nodes.length < 6) await start("--cluster-enabled", "yes", "--cluster-node-timeout", "15000");
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"]);
}, 60_000);

afterAll(async () => {
  for (const { server, folder } of nodes) {
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a primary for which failovers are off keeps its role", { timeout: 60_000 }, async () => {
  const [first] = nodes;
  const port = first?.port ?? 0;
  await eventually("a replica in sync", async () => /state=online/.test(await ask(port, "INFO", "replication")));
  await ask(port, "CONFIG", "SET", "cluster-replica-no-failover", "yes");
  expect(await handOverAt(port)).toBe("Not handed over: failovers are off");
  await ask(port, "CONFIG", "SET", "cluster-replica-no-failover", "no");
});

test("a primary hands over to its replica long before an election would", { timeout: 60_000 }, async () => {
  const [first] = nodes;
  const port = first?.port ?? 0;
  await eventually("a replica in sync", async () => /state=online/.test(await ask(port, "INFO", "replication")));
  const replica = Number(/^slave0:ip=[^,]+,port=(\d+)/m.exec(await ask(port, "INFO", "replication"))?.[1]);
  expect(await handOverAt(port)).toBe(`Handed over to 127.0.0.1:${replica}`);
  expect([await roleOf(port), await roleOf(replica)]).toEqual(["slave", "master"]);
  expect(await handOverAt(port)).toBe("Nothing to hand over: no slots");
});

test("nothing happens where there is nobody, or no server", { timeout: 60_000 }, async () => {
  const primaries = await Promise.all(nodes.map(async ({ port }) => ({ port, role: await roleOf(port) })));
  const port = primaries.find(({ role }) => role === "master")?.port ?? 0;
  const replicaPort = Number(/^slave0:ip=[^,]+,port=(\d+)/m.exec(await ask(port, "INFO", "replication"))?.[1]);
  await nodes.find((node) => node.port === replicaPort)?.server.kill();
  await eventually(
    "that the replica is gone",
    async () => !/state=online/.test(await ask(port, "INFO", "replication")),
  );
  expect(await handOverAt(port)).toBe("Nobody to hand over to: no replica is in sync");
  expect(await roleOf(port)).toBe("master");
  expect(await handOverAt(await freePort())).toMatch(/^Not handed over: /);
});

test("a primary outside of a cluster hands over too", { timeout: 60_000 }, async () => {
  const [port, other] = [await start("--group-lease", "10"), await start("--group-lease", "10")];
  const ticketAt = async (at: number) => /^group_ticket:(\d+)/m.exec(await ask(at, "INFO", "replication"))?.[1] ?? "";
  expect(await handOverAt(port)).toBe("Nothing to hand over: it is a replica");
  await ask(port, "GROUP", "LEAD", await ticketAt(port));
  expect(await handOverAt(port)).toBe("Nobody to hand over to: no replica is in sync");
  await ask(other, "GROUP", "FOLLOW", "127.0.0.1", String(port), await ticketAt(other));
  await eventually("a replica in sync", async () => /state=online/.test(await ask(port, "INFO", "replication")));
  expect(await ask(port, "SET", "k", "v")).toBe("OK");
  expect(await handOverAt(port)).toBe(`Handed over to 127.0.0.1:${other}`);
  expect([await roleOf(port), await roleOf(other)]).toEqual(["slave", "master"]);
  expect(await ask(other, "GET", "k")).toBe("v");
  expect(await ask(other, "SET", "k", "w")).toBe("OK");
});
