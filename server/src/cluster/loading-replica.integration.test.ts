/** A replica that has dropped its data for a full sync, and has not loaded that yet, is no place to read from: nobody is sent there. */

import { afterAll, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { type OwnNode, startOwnNode } from "../testing/own-node.ts";

const KEYS = 600;
const nodes: OwnNode[] = [];
afterAll(() => Promise.all(nodes.map(({ server }) => server.stop())));

async function startNode(): Promise<OwnNode> {
  const node = await startOwnNode("--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0");
  nodes.push(node);
  return node;
}

test("CLUSTER SLOTS leaves it out until it has loaded", { timeout: 60_000 }, async () => {
  const [one, other] = [await startNode(), await startNode()];
  const [primary, replica, replicaPort] = [one.client, other.client, other.server.port];
  await primary.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await one.meet(other);
  await primary.command("DEBUG", "POPULATE", String(KEYS));
  const id = (await primary.text("CLUSTER", "MYID")).split("\r\n")[1] ?? "";
  await eventually("it follows", async () => (await replica.text("CLUSTER", "REPLICATE", id)) === "+OK\r\n");
  const isShown = async () => (await primary.text("CLUSTER", "SLOTS")).includes(`:${replicaPort}\r\n`);
  await eventually("it is shown", isShown);
  await eventually("it is in sync", async () => (await primary.text("INFO", "replication")).includes("state=online"));
  // Though nothing was written yet, and its place in the stream is 0.
  expect(await replica.text("CLUSTER", "SLOTS")).toBe(await primary.text("CLUSTER", "SLOTS"));
  await eventually("slots are served", async () => (await primary.text("SET", "key", "value")) === "+OK\r\n");
  await replica.command("CONFIG", "SET", "key-load-delay", "3000");
  await primary.command("CONFIG", "SET", "repl-backlog-size", "16384");
  await primary.command("MULTI");
  await primary.command("CLIENT", "KILL", "TYPE", "replica");
  await primary.command("SET", "key", Buffer.alloc(40_000));
  await primary.command("EXEC");
  await eventually("it is left out", async () => !(await isShown()));
  expect(await replica.text("INFO", "persistence")).toContain("\r\nloading:1\r\n");
  for (const view of ["NODES", "SLOTS", "SHARDS", "INFO", "MYID"]) {
    expect(await replica.text("CLUSTER", view)).not.toContain("LOADING");
  }
  expect(await replica.text("INFO", "persistence")).toContain("\r\nloading:1\r\n");
  await replica.command("CONFIG", "SET", "key-load-delay", "0");
  await eventually("it is back", isShown);
  expect(await replica.text("INFO", "replication")).toContain("master_link_status:up");
});
