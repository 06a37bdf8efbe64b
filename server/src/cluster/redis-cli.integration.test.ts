/**
 * `redis-cli --cluster`, the tool with which clusters are made and changed, on nodes of ours and on nodes of ours beside
 * redis-server: each command does its work while clients write, and no write that was acknowledged is lost.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { ClusterProcess, redisCli, type ServerKind } from "../testing/cluster-process.ts";
import { RecordedWrites } from "../testing/recorded-writes.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";

const SHARDS = 3;
const DIRECTIVES = [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", "3000", "--repl-diskless-sync-delay", "0"],
  ...["--enable-debug-command", "yes"],
];
const TIMEOUT_MS = 60_000;

describe.runIf(hasReferenceServer).each([
  { name: "nodes of ours", kinds: ["ours"] },
  { name: "ours beside redis-server", kinds: ["ours", "redis-server"] },
] as const)("redis-cli --cluster on $name", ({ kinds }) => {
  const nodes: ClusterProcess[] = [];
  let load: RecordedWrites;
  let time = Date.now();

  /** Of the kinds in turn. */
  async function start(...directives: readonly string[]): Promise<ClusterProcess> {
    const kind = kinds[nodes.length % kinds.length] as ServerKind;
    const node = await ClusterProcess.start(kind, [...DIRECTIVES, ...directives]);
    nodes.push(node);
    return node;
  }
  const node = (index: number): ClusterProcess => nodes[index] as ClusterProcess;

  async function cluster(command: string, ...args: readonly string[]): Promise<string> {
    const t = Date.now();
    const out = await redisCli("--cluster", command, ...args, "--cluster-yes");
    console.log(command, Date.now() - t, "ms");
    return out;
  }

  /** Once all have heard of the last change. */
  async function allOk(): Promise<void> {
    let report = "";
    await eventually("all nodes agree", async () => {
      report = await cluster("check", node(0).address).catch(({ message }: Error) => message);
      const infos = await Promise.all(nodes.map((one) => one.command("CLUSTER", "INFO")));
      const known = `cluster_known_nodes:${nodes.length}\r`;
      const all = infos.every((info) => info.includes("cluster_state:ok") && info.includes(known));
      return all && !/\[ERR\]|\[WARNING\]|failed/.test(report);
    });
    expect(report).toContain("[OK] All nodes agree about slots configuration.");
    expect(report).toContain("[OK] All 16384 slots covered.");
  }

  beforeAll(async () => {
    for (let n = 0; n < 2 * SHARDS; n++) await start();
    console.log("start", Date.now() - time);
    const report = await cluster("create", ...nodes.map(({ address }) => address), "--cluster-replicas", "1");
    expect(report).toContain("[OK] All 16384 slots covered.");
    await allOk();
    load = new RecordedWrites({ seedPort: node(0).port, writers: 8, keysOfKind: 20, seed: 1 });
    await load.start();
  }, TIMEOUT_MS);

  afterEach(async () => {
    await allOk();
    expect(load.faults).toEqual([]);
    console.log(load.acknowledged, load.keyCount, ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"].map((w) => load.detours(w as "ASK")).join(), Date.now() - time);
    time = Date.now();
  }, TIMEOUT_MS);

  afterAll(async () => {
    load?.close();
    await Promise.all(nodes.map((one) => one.stop()));
  });

  test("add-node and rebalance give slots to a primary that is new and empty", async () => {
    const added = await start();
    await cluster("add-node", added.address, node(0).address);
    await allOk();
    await cluster("rebalance", node(0).address, "--cluster-use-empty-masters", "--cluster-pipeline", "7");
    expect(await added.command("CLUSTER", "INFO")).toContain("cluster_size:4");
  }, TIMEOUT_MS);
});
