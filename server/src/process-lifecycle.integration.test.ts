/** SIGINT and SIGTERM, and what `shutdown-on-sigint` and `shutdown-on-sigterm` make of them, beside redis-server where that says it. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { eventually, freePort } from "./persistence/reference-redis.ts";
import { ChildServer } from "./testing/child-server.ts";
import { ReferenceClient } from "./testing/reference-server.ts";

/** Each test starts several processes. */
vi.setConfig({ testTimeout: 60_000 });

type Signal = "SIGINT" | "SIGTERM";

const SIGNALS: readonly Signal[] = ["SIGINT", "SIGTERM"];
const POINTS = ["--save", "3600 1000"];
const NO_POINTS = ["--save", ""];
/** Words, save points, and whether a snapshot is there at the end. */
const CASES: readonly (readonly [string, readonly string[], boolean])[] = [
  ["default", POINTS, true],
  ["default", NO_POINTS, false],
  ["save", NO_POINTS, true],
  ["nosave", POINTS, false],
  ["now", POINTS, true],
  ["force nosave", POINTS, false],
];

const LARGE = "v".repeat(256 << 10);

let directory: string;
const opened: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "kv-signal-"));
});

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  rmSync(directory, { recursive: true, force: true });
});

const wordsFor = (signal: Signal, words: string): string[] => [`--shutdown-on-${signal.toLowerCase()}`, words];

async function start(...directives: readonly string[]) {
  const server = new ChildServer(directory, directives);
  opened.push(() => server.kill());
  const port = await server.ready();
  const client = await ReferenceClient.connect(port);
  opened.push(() => client.close());
  return { server, port, client };
}

async function startReference(...directives: readonly string[]) {
  const port = await freePort();
  const child = spawn("redis-server", ["--port", String(port), "--dir", directory, ...directives]);
  opened.push(() => child.kill("SIGKILL"));
  let log = "";
  child.stdout.on("data", (chunk: Buffer) => (log += chunk.toString()));
  await eventually("redis-server", () => log.includes("Ready to accept connections"));
  const client = await ReferenceClient.connect(port);
  opened.push(() => client.close());
  return { child, client };
}

/** A replica that has stopped before it could acknowledge the last write. */
async function haveReplicaLag(client: ReferenceClient, port: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "kv-signal-replica-"));
  const replica = new ChildServer(folder, [...NO_POINTS, "--replicaof", `127.0.0.1 ${port}`]);
  opened.push(async () => {
    await replica.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await replica.ready();
  await eventually("a replica", async () => (await client.send([["WAIT", "1", "1000"]]))[0] === 1);
  replica.signal("SIGSTOP");
  await client.send([["SET", "k", "v"]]);
}

const exitCode = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => child.once("exit", resolve));
const snapshot = (): boolean => existsSync(path.join(directory, "dump.rdb"));

describe.each(SIGNALS)("%s", (signal) => {
  test.each(CASES)("with %j, %j leaves a snapshot: %j", async (words, points, isSaved) => {
    const directives = [...wordsFor(signal, words), ...points];
    const { server, client } = await start(...directives);
    await client.send([["SET", "k", "v"]]);
    server.signal(signal);
    expect([await server.ended, snapshot()]).toEqual([0, isSaved]);
    expect(server.log).toContain(`Received ${signal} scheduling shutdown...`);

    rmSync(path.join(directory, "dump.rdb"), { force: true });
    const reference = await startReference(...directives);
    await reference.client.send([["SET", "k", "v"]]);
    const code = exitCode(reference.child);
    reference.child.kill(signal);
    expect([await code, snapshot()]).toEqual([0, isSaved]);
  });

  test("stays up when it cannot save, unless it is forced", async () => {
    const { server, client } = await start(...POINTS);
    await client.send([["SET", "k", "v"]]);
    mkdirSync(path.join(directory, "dump.rdb"));
    server.signal(signal);
    await server.said("Errors trying to shut down the server. Check the logs for more information.");
    expect(String((await client.send([["GET", "k"]]))[0])).toBe("v");
    await client.send([["CONFIG", "SET", `shutdown-on-${signal.toLowerCase()}`, "force"]]);
    server.signal(signal);
    expect(await server.ended).toBe(0);
  });

  test.each([
    ["default", 2000],
    ["now", 0],
  ])("with %j waits for replicas up to the timeout: %i ms", async (words, waitMs) => {
    const directives = [...NO_POINTS, "--repl-diskless-sync-delay", "0", "--shutdown-timeout", "2"];
    const { server, client, port } = await start(...directives, ...wordsFor(signal, words));
    await haveReplicaLag(client, port);
    const startMs = performance.now();
    server.signal(signal);
    expect(await server.ended).toBe(0);
    const tookMs = performance.now() - startMs;
    expect([tookMs >= waitMs, tookMs < waitMs + 1500]).toEqual([true, true]);
    expect(server.log.includes("Waiting for replicas before shutting down.")).toBe(waitMs > 0);
  });
});

test("a second SIGINT in the middle of a shutdown ends it at once, with 1", async () => {
  const { server, client, port } = await start(
    ...NO_POINTS,
    "--repl-diskless-sync-delay",
    "0",
    "--shutdown-timeout",
    "60",
  );
  await haveReplicaLag(client, port);
  server.signal("SIGINT");
  await server.said("Waiting for replicas before shutting down.");
  server.signal("SIGINT");
  expect(await server.ended).toBe(1);
  expect(server.log).toContain("You insist... exiting now.");
});

test("whoever is killed in the middle of the final snapshot has lost nothing of what the append-only file was to keep", async () => {
  const directives = [
    ...NO_POINTS,
    ...wordsFor("SIGTERM", "save"),
    "--appendonly",
    "yes",
    "--enable-debug-command",
    "yes",
  ];
  const first = await start(...directives);
  await first.client.send([["DEBUG", "POPULATE", "300000"]]);
  const acknowledged = new Array<number>(16).fill(0);
  const countUntilCut = async (client: ReferenceClient, writer: number): Promise<void> => {
    for (;;) {
      // Large, so that one write to the file has mostly not come to its end when the next should begin.
      const [, count] = await client.send([
        ["SET", `large:${writer}`, LARGE],
        ["INCR", `count:${writer}`],
      ]);
      if (typeof count !== "number") return;
      acknowledged[writer] = count;
    }
  };
  let { server, port } = first;
  for (let round = 0; round < 4; round++) {
    const clients = await Promise.all(acknowledged.map(() => ReferenceClient.connect(port)));
    const writing = clients.map((client, writer) => countUntilCut(client, writer).catch(() => undefined));
    await vi.waitFor(() => expect(Math.min(...acknowledged)).toBeGreaterThan(10 * (round + 1)), { timeout: 20_000 });
    server.signal("SIGTERM");
    await server.said("Saving the final RDB snapshot before exiting.");
    await server.kill();
    await Promise.all(writing);
    expect(snapshot()).toBe(false);
    const next = await start(...directives);
    ({ server, port } = next);
    const found = await next.client.send(acknowledged.map((_, writer) => ["GET", `count:${writer}`]));
    for (const [writer, count] of acknowledged.entries()) expect(Number(found[writer])).toBeGreaterThanOrEqual(count);
  }
});

test.each([
  ["without save points", NO_POINTS],
  ["with save points", POINTS],
])(
  "%s, a server that is ended while its first append-only file is being written ends with all data in it",
  async (_, points) => {
    const first = await start(...points, "--enable-debug-command", "yes");
    await first.client.send([
      ["DEBUG", "POPULATE", "3000"],
      ["CONFIG", "SET", "rdb-key-save-delay", "500"],
      ["CONFIG", "SET", "appendonly", "yes"],
      ["SET", "after", "1"],
    ]);
    expect(String((await first.client.send([["INFO", "persistence"]]))[0])).toContain("aof_rewrite_in_progress:1");
    first.server.signal("SIGTERM");
    expect(await first.server.ended).toBe(0);
    rmSync(path.join(directory, "dump.rdb"), { force: true });
    const next = await start(...NO_POINTS, "--appendonly", "yes");
    expect(await next.client.send([["DBSIZE"], ["GET", "after"]])).toEqual([3001, Buffer.from("1")]);
  },
);
