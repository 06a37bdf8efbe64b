import { describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { Manifest } from "../resources/manifest.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, until, worlds } from "./simulated-life.ts";

const start = worlds();

function find(world: SimulatedKubernetes, kind: keyof typeof RESOURCE_KINDS, name: string): Manifest | undefined {
  return world.server.find<Manifest>(RESOURCE_KINDS[kind], CLUSTER.namespace, name);
}

function seedClaim(world: SimulatedKubernetes, name: string, storage: string): KubernetesObject {
  const labels = { "kvcluster.dev/cluster": CLUSTER.name, "app.kubernetes.io/component": "server" };
  const { apiVersion, kind } = RESOURCE_KINDS.PersistentVolumeClaim;
  const metadata = { name, namespace: CLUSTER.namespace, labels };
  const claim = { apiVersion, kind, metadata, spec: { resources: { requests: { storage } } } };
  world.server.seed(claim);
  world.server.setStatus(claim, { phase: "Bound", capacity: { storage } });
  return claim;
}

describe("the volumes of a cluster", () => {
  it("grows the volumes it has, and says so until they have grown", async () => {
    const world = await start({ storage: { size: "1024Mi" } });
    const claim = seedClaim(world, "data-kv-0-0", "1Gi");
    await world.settle();
    expect(conditionIn(world, "StorageReady")).toBe("True AsRequested");
    world.server.change(world.cluster(), { spec: { storage: { size: "2Gi" } } });
    await world.settle();
    expect(find(world, "PersistentVolumeClaim", "data-kv-0-0")?.spec).toEqual({
      resources: { requests: { storage: "2Gi" } },
    });
    expect(conditionIn(world, "StorageReady")).toBe("False Resizing");
    expect(conditionIn(world, "Ready")).toBe("True Serving");
    world.server.setStatus(claim, { phase: "Bound", capacity: { storage: "2Gi" } });
    await world.settle();
    expect(conditionIn(world, "StorageReady")).toBe("True AsRequested");
  });

  it("says why volumes do not grow where the storage class cannot, and goes on with the rest", async () => {
    const world = await start();
    seedClaim(world, "data-kv-0-0", "1Gi");
    await world.settle();
    world.server.refuse({ method: "PATCH", path: /persistentvolumeclaims/, status: 403, times: 100 });
    world.server.change(world.cluster(), { spec: { storage: { size: "2Gi" } } });
    await world.settle();
    expect(conditionIn(world, "StorageReady")).toBe("False ResizeRefused");
    expect(world.events.filter(({ reason }) => reason === "ResizeRefused")).toHaveLength(1);
    expect(conditionIn(world, "Ready")).toBe("True Serving");
  });

  it("that are made later have the new size too: sets are made anew around their pods", async () => {
    const world = await start({ storage: { size: "1Gi" } });
    await world.settle();
    const pods = world.pods().map(({ metadata }) => metadata.uid);
    const setOf = (shard: number) => find(world, "StatefulSet", `kv-${shard}`);
    const before = setOf(1)?.metadata.uid;
    world.server.change(world.cluster(), { spec: { storage: { size: "2Gi" } } });
    await world.settle();
    for (const shard of [0, 1, 2]) {
      const claims = [{ spec: { resources: { requests: { storage: "2Gi" } } } }];
      expect(setOf(shard)?.spec?.volumeClaimTemplates).toMatchObject(claims);
    }
    expect(setOf(1)?.metadata.uid).not.toBe(before);
    expect(world.pods().map(({ metadata }) => metadata.uid)).toEqual(pods);
    const removals = world.server.writes.filter(({ method }) => method === "DELETE");
    expect(removals.map(({ body }) => (body as { propagationPolicy: string }).propagationPolicy)).toEqual([
      "Orphan",
      "Orphan",
      "Orphan",
    ]);
    expect(conditionIn(world, "Ready")).toBe("True Serving");
  });

  it("wait for their set to be made anew until it has lost the pods that it is to lose", async () => {
    const world = await start({ shards: 1, replicasPerShard: 2, storage: { size: "1Gi" } });
    await world.settle();
    world.servers.apply({ kind: "Failover", pod: "kv-0-2", from: "kv-0-0" });
    world.tick();
    world.server.change(world.cluster(), { spec: { replicasPerShard: 1, storage: { size: "2Gi" } } });
    await world.pass();
    expect(find(world, "StatefulSet", "kv-0")?.spec).toMatchObject({ replicas: 3 });
    const removals = () => world.server.writes.filter(({ method }) => method === "DELETE").length;
    expect(removals()).toBe(0);
    await until(world, () => removals() > 0);
    await go(world, 1);
    expect(find(world, "StatefulSet", "kv-0")?.spec).toMatchObject({ replicas: 2 });
  });
});

describe("the disks of a cluster", () => {
  const MiB = 1024 * 1024;
  const diskOf = (world: SimulatedKubernetes, pod: string, availableMiB: number, nextSaveMiB = 0) => {
    const node = world.servers.nodes.find((one) => one.pod === pod);
    if (node === undefined) throw new Error(`no server ${pod}`);
    node.disk = { sizeBytes: 1000 * MiB, availableBytes: availableMiB * MiB, nextSaveBytes: nextSaveMiB * MiB };
  };

  it("are told of before they are full, once, and again when there is clearly room", async () => {
    const world = await start();
    await world.settle();
    expect(conditionIn(world, "DiskSpace")).toBeUndefined();
    diskOf(world, "kv-0-0", 500);
    diskOf(world, "kv-1-0", 149);
    await go(world, 2);
    expect(conditionIn(world, "DiskSpace")).toBe("False NearlyFull");
    const told = world.events.filter(({ reason }) => reason === "NearlyFull");
    expect(told.map(({ type, note }) => [type, note.includes("kv-1-0 is more than 85 %")])).toEqual([
      ["Warning", true],
    ]);
    const { resourceVersion } = world.server;
    diskOf(world, "kv-1-0", 120);
    await go(world, 2);
    diskOf(world, "kv-1-0", 160);
    await go(world, 2);
    expect(world.server.resourceVersion).toBe(resourceVersion);
    diskOf(world, "kv-1-0", 210);
    await go(world, 1);
    expect(conditionIn(world, "DiskSpace")).toBe("True Enough");
    expect(conditionIn(world, "Ready")).toBe("True Serving");
  });

  it("need room for a save beside the last one", async () => {
    const world = await start();
    await world.settle();
    diskOf(world, "kv-2-1", 400, 350);
    await go(world, 1);
    expect(conditionIn(world, "DiskSpace")).toBe("False NearlyFull");
  });

  it("are full at a limit that the spec may set", async () => {
    const world = await start({ storage: { warnAtPercent: 50 } });
    await world.settle();
    diskOf(world, "kv-0-0", 499);
    await go(world, 1);
    expect(conditionIn(world, "DiskSpace")).toBe("False NearlyFull");
  });
});
