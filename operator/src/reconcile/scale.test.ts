import { describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { Manifest } from "../resources/manifest.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, keysOf, until, worlds } from "./simulated-life.ts";

const startWorld = worlds();

/** A settled cluster that holds some keys. */
async function start(spec: Readonly<Record<string, unknown>>): Promise<SimulatedKubernetes> {
  const seen = await startWorld(spec);
  await seen.settle();
  for (let count = 0; count < 200; count++) seen.servers.write();
  seen.tick();
  return seen;
}

const scale = (seen: SimulatedKubernetes, shards: number) => seen.server.change(seen.cluster(), { spec: { shards } });

const setsOf = ({ server }: SimulatedKubernetes) =>
  server.list<Manifest>(RESOURCE_KINDS.StatefulSet, CLUSTER.namespace).map(({ metadata }) => metadata.name);
const movesOf = ({ actions }: SimulatedKubernetes) => actions.filter(({ kind }) => kind === "MigrateSlots").length;

const isBalanced = (seen: SimulatedKubernetes) => () =>
  conditionIn(seen, "Balanced") === "True Balanced" && conditionIn(seen, "Ready") === "True Serving";

describe("scaling", () => {
  it("out: new shards join, get slots one migration at a time, and the cluster is Ready again with all keys", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    const keys = keysOf(seen);
    scale(seen, 5);
    await until(seen, () => movesOf(seen) > 0);
    await seen.pass();
    expect(conditionIn(seen, "Balanced")).toBe("False MovingSlots");
    expect(conditionIn(seen, "SlotsAssigned")).toBe("True AllServed");
    expect(seen.cluster().status).toMatchObject({ phase: "Updating", shards: 3 });
    await until(seen, isBalanced(seen));
    expect(seen.cluster().status).toMatchObject({ shards: 5, readyShards: 5, ready: "10/10", slotsAssigned: 16384 });
    expect(keysOf(seen)).toBe(keys);
  });

  it("in: shards are drained before anything of them is deleted, then removed and forgotten", async () => {
    const seen = await start({ shards: 5, replicasPerShard: 1 });
    const keys = keysOf(seen);
    scale(seen, 3);
    await until(seen, () => movesOf(seen) > 3);
    expect(setsOf(seen)).toHaveLength(5);
    expect(seen.server.find(RESOURCE_KINDS.PodDisruptionBudget, CLUSTER.namespace, "kv-4")).toBeDefined();
    await until(seen, isBalanced(seen));
    expect(setsOf(seen)).toEqual(["kv-0", "kv-1", "kv-2"]);
    expect(seen.pods()).toHaveLength(6);
    expect(seen.server.find(RESOURCE_KINDS.PodDisruptionBudget, CLUSTER.namespace, "kv-4")).toBeUndefined();
    expect(keysOf(seen)).toBe(keys);
    await seen.settle();
    for (const node of seen.servers.nodes) expect(node.known.size).toBe(5);
    expect(seen.events.filter(({ reason }) => reason === "ShardRemoved")).toHaveLength(2);
  });

  it("takes the volumes of a removed shard along, whatever the spec says about those of a deleted cluster", async () => {
    const seen = await start({ shards: 4, replicasPerShard: 0 });
    scale(seen, 3);
    await until(seen, () => !setsOf(seen).includes("kv-3"));
    const patches = seen.server.writes.filter(({ method, path }) => method === "PATCH" && path.endsWith("/kv-3"));
    const spec = { persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete" } };
    expect(patches.at(-1)?.body).toMatchObject({ spec });
  });

  it("comes to the same end though the operator dies after every pass, and sometimes in the middle of one", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    const keys = keysOf(seen);
    for (const shards of [5, 4]) {
      scale(seen, shards);
      for (let round = 0; round < 60; round++) {
        seen.tick();
        if (round % 3 === 1) seen.server.refuse({ method: "PATCH", path: /status|pods/, status: 500 });
        await seen.pass().catch(() => undefined);
        seen.restartOperator();
      }
      await until(seen, isBalanced(seen));
    }
    expect(setsOf(seen)).toEqual(["kv-0", "kv-1", "kv-2", "kv-3"]);
    expect(keysOf(seen)).toBe(keys);
  });

  it("may be changed back in the middle", async () => {
    const seen = await start({ shards: 4, replicasPerShard: 0 });
    scale(seen, 3);
    await until(seen, () => movesOf(seen) > 2);
    scale(seen, 4);
    await until(seen, isBalanced(seen));
    expect(setsOf(seen)).toEqual(["kv-0", "kv-1", "kv-2", "kv-3"]);
    expect(seen.events.map(({ reason }) => reason)).not.toContain("ShardRemoved");
  });

  it("does not go on while an owner of slots does not answer, and never deletes its shard", async () => {
    const seen = await start({ shards: 4, replicasPerShard: 0 });
    scale(seen, 3);
    await until(seen, () => movesOf(seen) > 0);
    const owner = seen.servers.nodes.find(({ pod }) => pod === "kv-3-0");
    if (owner !== undefined) seen.servers.kill(owner);
    const before = movesOf(seen);
    for (let round = 0; round < 20; round++) {
      seen.tick();
      await seen.pass();
    }
    expect(movesOf(seen)).toBe(before);
    expect(setsOf(seen)).toHaveLength(4);
    if (owner !== undefined) seen.servers.restart(owner);
    await until(seen, isBalanced(seen));
    expect(setsOf(seen)).toHaveLength(3);
  });

  it("is not held up by a pod of a leaving shard that cannot start", async () => {
    const seen = await start({ shards: 4, replicasPerShard: 1 });
    const replica = seen.servers.nodes.find(({ pod }) => pod === "kv-3-1");
    if (replica !== undefined) seen.servers.kill(replica);
    scale(seen, 3);
    await until(seen, isBalanced(seen));
    expect(setsOf(seen)).toHaveLength(3);
  });

  it("does not stand in the way of a shard that comes back with nothing, where data goes with pods", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 0, storage: { type: "Ephemeral" } });
    scale(seen, 4);
    await until(seen, isBalanced(seen));
    const lost = seen.servers.nodes.find(({ pod }) => pod === "kv-3-0");
    if (lost !== undefined) seen.servers.restartEmpty(lost);
    await until(seen, isBalanced(seen));
    expect(seen.cluster().status).toMatchObject({ slotsAssigned: 16384, readyShards: 4 });
  });

  it("waits for a backup that is running, and a backup waits for it", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 0 });
    const labels = { "kvcluster.dev/cluster": CLUSTER.name, "kvcluster.dev/backup": "now" };
    const metadata = { name: "now-backup", namespace: CLUSTER.namespace, labels };
    const job = seen.server.seed({ apiVersion: "batch/v1", kind: "Job", metadata } as KubernetesObject);
    scale(seen, 4);
    for (let round = 0; round < 20; round++) {
      seen.tick();
      await seen.pass();
    }
    expect(movesOf(seen)).toBe(0);
    expect(seen.cluster().status?.message).toBe("Slots move when the backup or restore that is running is done");
    seen.server.setStatus(job, { conditions: [{ type: "Complete", status: "True" }] });
    await until(seen, isBalanced(seen));
  });
});
