/**
 * Clients outside of the network of the nodes: whoever comes to the external port is shown, and sent to, the addresses that
 * nodes announce for outside; all others see the nodes' own.
 */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { RespError } from "@kvcluster/protocol/resp-decoder";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, freePort } from "../persistence/reference-redis.ts";
import { ChildServer } from "../testing/child-server.ts";
import { ReferenceClient } from "../testing/reference-server.ts";

const run = promisify(execFile);
/** Another name of this machine than the one that the nodes have. */
const OUTSIDE = "localhost";

interface Node {
  readonly port: number;
  readonly external: number;
  readonly folder: string;
  server: ChildServer;
}

const nodes: Node[] = [];

function start({ port, external, folder }: Omit<Node, "server">): ChildServer {
  const words = [
    "--port",
    `${port}`,
    "--cluster-enabled",
    "yes",
    "--cluster-external-port",
    `${external}`,
    "--save",
    "",
  ];
  return new ChildServer(folder, words);
}

async function ask(port: number, ...words: string[]): Promise<unknown> {
  const client = await ReferenceClient.connect(port);
  try {
    return (await client.send([words]))[0];
  } finally {
    client.close();
  }
}

/** Host and port of the owner of each range. */
async function ownersAt(port: number): Promise<string[]> {
  const ranges = (await ask(port, "CLUSTER", "SLOTS")) as [number, number, [Buffer, number]][];
  return ranges.map(([, , [host, owner]]) => `${host}:${owner}`).sort();
}

async function announce(node: Node, host: string, port: number): Promise<void> {
  const words = ["cluster-announce-external-host", host, "cluster-announce-external-port", `${port}`];
  expect(String(await ask(node.port, "CONFIG", "SET", ...words))).toBe("OK");
}

const insides = () => nodes.map(({ port }) => `127.0.0.1:${port}`).sort();
const outsides = () => nodes.map(({ external }) => `${OUTSIDE}:${external}`).sort();

beforeAll(async () => {
  while (nodes.length < 3) {
    const [port, external] = [await freePort(), await freePort()];
    if (port > 55_000) continue;
    const place = { port, external, folder: mkdtempSync(path.join(tmpdir(), "kv-external-")) };
    nodes.push({ ...place, server: start(place) });
  }
  for (const { server } of nodes) await server.ready();
  await run("redis-cli", ["--cluster", "create", ...insides(), "--cluster-yes"]);
  const isOk = async ({ port }: Node) => String(await ask(port, "CLUSTER", "INFO")).includes("cluster_state:ok");
  await eventually("the cluster", async () => (await Promise.all(nodes.map(isOk))).every(Boolean));
}, 60_000);

afterAll(async () => {
  for (const { server, folder } of nodes) {
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("clients outside are shown what nodes announce for them, others the nodes' own addresses", async () => {
  const [first] = nodes as [Node];
  expect(await ownersAt(first.external)).toEqual(insides());
  for (const node of nodes) await announce(node, OUTSIDE, node.external);
  await eventually(
    "all external addresses known",
    async () => String(await ownersAt(first.external)) === String(outsides()),
  );
  expect(await ownersAt(first.port)).toEqual(insides());
  expect(String(await ask(first.external, "CLUSTER", "NODES"))).toContain(` ${OUTSIDE}:${nodes[1]?.external}@`);
  expect(String(await ask(first.external, "CLUSTER", "SHARDS"))).toContain(OUTSIDE);
  expect(String(await ask(first.port, "CLUSTER", "NODES"))).not.toContain(OUTSIDE);
});

test("redirections of clients outside lead to external addresses", async () => {
  const [first] = nodes as [Node];
  const movedAt = async (port: number) => {
    const replies = await Promise.all(["a", "b", "c"].map((key) => ask(port, "GET", key)));
    return replies
      .map((reply) => (reply instanceof RespError ? reply.message : ""))
      .filter((reply) => reply.includes("MOVED"));
  };
  for (const reply of await movedAt(first.external)) expect(reply).toContain(` ${OUTSIDE}:`);
  for (const reply of await movedAt(first.port)) expect(reply).toContain(" 127.0.0.1:");
  expect((await movedAt(first.external)).length).toBeGreaterThan(0);
  const at = ["-h", OUTSIDE, "-p", `${first.external}`, "-c"];
  for (const key of ["a", "b", "c"]) await run("redis-cli", [...at, "set", key, `value of ${key}`]);
  for (const key of ["a", "b", "c"]) {
    expect((await run("redis-cli", [...at, "get", key])).stdout.trim()).toBe(`value of ${key}`);
  }
});

test("a node that restarts announces what it did before, and others know it still", { timeout: 60_000 }, async () => {
  const [first, second] = nodes as [Node, Node];
  await second.server.kill("SIGTERM");
  second.server = start(second);
  await second.server.ready();
  const host = await ask(second.port, "CONFIG", "GET", "cluster-announce-external-host");
  expect(String(host)).toBe(`cluster-announce-external-host,${OUTSIDE}`);
  await eventually("the cluster", async () =>
    String(await ask(second.external, "CLUSTER", "INFO")).includes("state:ok"),
  );
  expect(await ownersAt(second.external)).toEqual(outsides());
  expect(await ownersAt(first.external)).toEqual(outsides());
});

test("a node that announces nothing any more is shown as to everybody", async () => {
  const [first, second] = nodes as [Node, Node];
  await announce(second, "", 0);
  const left = outsides().filter((address) => address !== `${OUTSIDE}:${second.external}`);
  const wanted = [`127.0.0.1:${second.port}`, ...left].sort();
  await eventually("the change known", async () => String(await ownersAt(first.external)) === String(wanted));
});

test("the port for clients outside moves, goes and comes while the server runs; a taken one is refused", async () => {
  const [, , third] = nodes as [Node, Node, Node];
  const set = async (port: number) => {
    const reply = await ask(third.port, "CONFIG", "SET", "cluster-external-port", String(port));
    return reply instanceof RespError ? reply.message : String(reply);
  };
  const isServed = (port: number) => ask(port, "PING").then(String, () => "nobody");
  const elsewhere = await freePort();
  expect(await set(elsewhere)).toBe("OK");
  expect([await isServed(elsewhere), await isServed(third.external)]).toEqual(["PONG", "nobody"]);
  expect(await set(third.port)).toContain("Unable to listen on this port");
  expect([await isServed(elsewhere), await isServed(third.port)]).toEqual(["PONG", "PONG"]);
  expect(await set(0)).toBe("OK");
  expect(await isServed(elsewhere)).toBe("nobody");
  expect(await set(third.external)).toBe("OK");
  expect((await ownersAt(third.external)).some((owner) => owner.startsWith(OUTSIDE))).toBe(true);
});
