import { describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, keysOf, until, worlds } from "./simulated-life.ts";

const startWorld = worlds();

/** A cluster that is ready and holds something. */
async function start(): Promise<SimulatedKubernetes> {
  const world = await startWorld({ shards: 3, replicasPerShard: 1 });
  await world.settle();
  for (let round = 0; round < 5; round++) world.servers.write();
  world.tick();
  return world;
}

function hibernate(world: SimulatedKubernetes, hibernated: boolean): void {
  world.server.change(world.cluster(), { spec: { hibernated } });
}

function statusOf(world: SimulatedKubernetes) {
  return world.cluster().status as { phase: string; ready: string; slotsAssigned: number; shardStatus: unknown };
}

function replicasOfSets(world: SimulatedKubernetes): readonly number[] {
  const sets = world.server.list(RESOURCE_KINDS.StatefulSet) as unknown as { spec: { replicas: number } }[];
  return sets.map(({ spec }) => spec.replicas);
}

const isHibernated = (world: SimulatedKubernetes) => () => conditionIn(world, "Hibernated") === "True Hibernated";

describe("a hibernated cluster", () => {
  it("has no pods, keeps its data, and comes back with its slots and roles", async () => {
    const world = await start();
    const [before, keys] = [statusOf(world).shardStatus, keysOf(world)];
    hibernate(world, true);
    await until(world, isHibernated(world));
    expect(world.pods()).toEqual([]);
    expect(statusOf(world)).toMatchObject({ phase: "Hibernated", ready: "0/6", slotsAssigned: 0, shardStatus: before });
    expect([conditionIn(world, "Ready"), conditionIn(world, "Degraded")]).toEqual([
      "False Hibernated",
      "False Complete",
    ]);
    hibernate(world, false);
    await until(world, () => statusOf(world).phase === "Ready");
    expect(statusOf(world)).toMatchObject({ ready: "6/6", slotsAssigned: 16384, shardStatus: before });
    expect(keysOf(world)).toBe(keys);
    expect(world.held).toEqual(new Set());
    expect(conditionIn(world, "Hibernated")).toBeUndefined();
    const phases = world.events
      .map(({ reason }) => reason)
      .filter((reason) => /Hibernat|Wak|Ready|Degraded/.test(reason));
    expect(phases).toEqual(["Ready", "Hibernating", "Hibernated", "Waking", "Ready"]);
  });

  it("causes no write while it sleeps", async () => {
    const world = await start();
    hibernate(world, true);
    await until(world, isHibernated(world));
    await go(world, 1);
    const { resourceVersion } = world.server;
    await go(world, 3);
    expect(world.server.resourceVersion).toBe(resourceVersion);
  });

  it("stops nobody before every server has saved, nor while one cannot", async () => {
    const world = await start();
    world.saves.set("kv-1-0", "failed");
    hibernate(world, true);
    await go(world, 4);
    expect(conditionIn(world, "Hibernated")).toBe("False SaveFailed");
    expect(replicasOfSets(world)).toEqual([2, 2, 2]);
    expect(world.events.find(({ reason }) => reason === "SaveFailed")?.note).toContain('"kv-1-0"');
    world.saves.delete("kv-1-0");
    await until(world, isHibernated(world));
  });

  it("that is wanted back before it sleeps goes on as before", async () => {
    const world = await start();
    world.saves.set("kv-1-0", "failed");
    hibernate(world, true);
    await go(world, 2);
    expect(world.held.size).toBe(6);
    hibernate(world, false);
    await until(world, () => statusOf(world).phase === "Ready");
    expect(world.held).toEqual(new Set());
    expect(replicasOfSets(world)).toEqual([2, 2, 2]);
  });

  it("gets there though the operator dies in every pass", async () => {
    const world = await start();
    const keys = keysOf(world);
    hibernate(world, true);
    for (let round = 0; round < 40 && !isHibernated(world)(); round++) {
      world.tick();
      world.restartOperator();
      if (round % 2 === 1) world.server.refuse({ method: "PATCH", path: /statefulsets/, status: 500 });
      await world.pass().catch(() => undefined);
    }
    expect(conditionIn(world, "Hibernated")).toBe("True Hibernated");
    hibernate(world, false);
    await until(world, () => statusOf(world).phase === "Ready");
    expect(keysOf(world)).toBe(keys);
  });

  it("sleeps once the slots of a shard that leaves have moved", async () => {
    const world = await startWorld({ shards: 4, replicasPerShard: 1 });
    await world.settle();
    world.server.change(world.cluster(), { spec: { shards: 3, hibernated: true } });
    await go(world, 2);
    expect(conditionIn(world, "Hibernated")).toBe("False HibernationDue");
    await until(world, isHibernated(world));
    expect(replicasOfSets(world)).toEqual([0, 0, 0]);
  });

  it("waits while the owner of slots does not answer", async () => {
    const world = await start();
    for (const node of world.servers.nodes.filter(({ shard }) => shard === 1)) world.servers.kill(node);
    hibernate(world, true);
    await go(world, 3);
    expect(conditionIn(world, "Hibernated")).toBe("False HibernationDue");
    expect(replicasOfSets(world)).toEqual([2, 2, 2]);
  });

  it("that was never awake starts no pods until it is woken", async () => {
    const world = await startWorld({ shards: 3, replicasPerShard: 1, hibernated: true });
    await until(world, isHibernated(world));
    expect([world.pods(), replicasOfSets(world)]).toEqual([[], [0, 0, 0]]);
    hibernate(world, false);
    await until(world, () => statusOf(world).phase === "Ready");
  });
});
