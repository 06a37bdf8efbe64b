import { describe, expect, it } from "vitest";
import { OperatorMetrics } from "../operator-metrics.ts";
import type { Change } from "./change-meter.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, until, worlds } from "./simulated-life.ts";

const startWorld = worlds();

async function start(): Promise<SimulatedKubernetes> {
  const world = await startWorld({ shards: 3, replicasPerShard: 1 });
  await world.settle();
  return world;
}

const countOf = (world: SimulatedKubernetes, change: Change) => world.counts.get(change);

describe("what is counted of a cluster", () => {
  it("is nothing while it is formed and at rest", async () => {
    const world = await start();
    await go(world, 5);
    expect([...world.counts.values()]).toEqual([0, 0, 0, 0]);
  });

  it("are failovers, once each, also those that the servers did while no operator was there", async () => {
    const world = await start();
    const primary = world.servers.nodes.find(({ pod }) => pod === "kv-0-0");
    if (primary === undefined) throw new Error("no server");
    world.servers.kill(primary);
    for (let round = 0; round < 10; round++) world.servers.gossip();
    world.restartOperator();
    await go(world, 4);
    expect(countOf(world, "failover")).toBe(1);
  });

  it("are slot migrations: as many as began have ended", async () => {
    const world = await start();
    world.server.change(world.cluster(), { spec: { shards: 4 } });
    await until(world, () => (countOf(world, "migrationStarted") ?? 0) > 0);
    expect(countOf(world, "migrationFinished")).toBe(0);
    await until(world, () => conditionIn(world, "Ready") === "True Serving");
    const moves = world.actions.filter(({ kind }) => kind === "MigrateSlots").length;
    expect(countOf(world, "migrationStarted")).toBe(moves);
    expect(countOf(world, "migrationFinished")).toBe(moves);
    expect(countOf(world, "migrationFailed")).toBe(0);
  });

  it("is told to Prometheus from the first look on, and no more once the cluster is gone", async () => {
    const metrics = new OperatorMetrics();
    metrics.count(CLUSTER, "failover", 0);
    metrics.count(CLUSTER, "migrationFailed", 2);
    const lines = async () =>
      (await metrics.registry.metrics()).split("\n").filter((line) => line.includes(`name="kv"`));
    expect(await lines()).toEqual([
      'kv_operator_failovers_total{namespace="apps",name="kv"} 0',
      'kv_operator_slot_migrations_total{namespace="apps",name="kv",event="failed"} 2',
    ]);
    metrics.forget(CLUSTER);
    expect(await lines()).toEqual([]);
  });
});
