/** Replica migration between real servers of both kinds: one rule for all, so that exactly one goes, and none that may not. */

import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerKind, ServerProcess } from "../testing/server-process.ts";

const NODE_TIMEOUT_MS = 1000;
/** Without a replica for so long; Redis counts in whole ticks of its own. */
const MIGRATION_DELAY_MS = 5000;
const LIMIT_MS = NODE_TIMEOUT_MS + MIGRATION_DELAY_MS + 10_000;
const DIRECTIVES = [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", String(NODE_TIMEOUT_MS)],
  ...["--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes"],
];

const nodes: ServerProcess[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function start(kind: ServerKind): Promise<ServerProcess> {
  const node = await ServerProcess.start(kind, DIRECTIVES);
  nodes.push(node);
  return node;
}

/** By the id of the primary that each replica follows, as this node sees it. */
async function followersOf(primary: ServerProcess, asked: ServerProcess): Promise<string[]> {
  const id = await primary.id();
  const lines = (await asked.command("CLUSTER", "NODES")).split("\n");
  const fields = lines.map((line) => line.split(" "));
  return fields.filter(([, , flags, of]) => of === id && !flags?.includes("fail")).map(([own]) => own ?? "");
}

describe.runIf(hasReferenceServer)("Replica migration", { timeout: 90_000 }, () => {
  test("a primary that lost its replica is given one, the barrier and the switch are respected", async () => {
    const rich = await start("ours");
    const poor = await start("redis-server");
    const rivals = [await start("ours"), await start("redis-server")];
    const only = await start("ours");
    await rich.command("CLUSTER", "ADDSLOTSRANGE", "0", "8000");
    await poor.command("CLUSTER", "ADDSLOTSRANGE", "8001", "16383");
    for (const [n, node] of nodes.entries()) {
      await node.command("CLUSTER", "SET-CONFIG-EPOCH", String(n + 1));
      if (node !== rich) await node.command("CLUSTER", "MEET", rich.host, String(rich.port));
    }
    for (const node of nodes) {
      await eventually("all know all", async () => {
        const info = await node.command("CLUSTER", "INFO");
        return info.includes("cluster_known_nodes:5\r") && info.includes("cluster_state:ok");
      });
    }
    for (const rival of rivals) await rival.command("CLUSTER", "REPLICATE", await rich.id());
    await only.command("CLUSTER", "REPLICATE", await poor.id());
    for (const node of nodes) {
      await eventually("all know the replicas", async () => {
        return (await followersOf(rich, node)).length === 2 && (await followersOf(poor, node)).length === 1;
      });
    }
    await poor.command("SET", "b", "of the poor");
    const [first, second] = (await Promise.all(rivals.map(async (rival) => ({ rival, id: await rival.id() }))))
      .sort((left, right) => (left.id < right.id ? -1 : 1))
      .map(({ rival }) => rival) as [ServerProcess, ServerProcess];
    // It would leave its primary with fewer than it says; the other is not the first, whatever it may do.
    await first.command("CONFIG", "SET", "cluster-migration-barrier", "2");
    await only.stop();
    await eventually("it is known to be down", async () => (await followersOf(poor, first)).length === 0);
    await new Promise((resolve) => setTimeout(resolve, MIGRATION_DELAY_MS + 2 * NODE_TIMEOUT_MS));
    expect((await followersOf(rich, rich)).toSorted()).toEqual([await first.id(), await second.id()]);
    await first.command("CONFIG", "SET", "cluster-allow-replica-migration", "no");
    await first.command("CONFIG", "SET", "cluster-migration-barrier", "1");
    await new Promise((resolve) => setTimeout(resolve, 2 * NODE_TIMEOUT_MS));
    expect(await followersOf(poor, first)).toEqual([]);
    await first.command("CONFIG", "SET", "cluster-allow-replica-migration", "yes");
    for (const node of [rich, poor, first, second]) {
      const isMoved = async (): Promise<boolean> => (await followersOf(poor, node)).join() === (await first.id());
      await eventually(`${first.kind} has gone to the orphan, as ${node.kind} sees it`, isMoved, LIMIT_MS);
      expect(await followersOf(rich, node)).toEqual([await second.id()]);
    }
    await eventually("it has the data", async () => {
      return (await first.command("DEBUG", "DIGEST")) === (await poor.command("DEBUG", "DIGEST"));
    });
  });
});
