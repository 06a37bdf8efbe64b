// Volumes: they grow where the storage class can, and the cluster says so where it cannot; disks that fill up are told of
// before writes stop; and a server whose volume is lost gets everything back from its shard.
import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { getObject, type KubernetesObject, kubectl, listObjects } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";

const KEYS = 5_000;
const READY_AGAIN_WITHIN_MS = 90_000;
const it = scene("storage");

beforeAll(async () => {
  await it.apply(clusterManifest("stored"));
  await it.ready("stored", 120_000);
  expect(await it.keys("stored", "write", KEYS)).toBe(`${KEYS} keys written\n`);
});

describe("the disks of a cluster", () => {
  test("are told of when they are fuller than the spec allows", { timeout: 120_000 }, async () => {
    explainFailure(it.namespace);
    await it.edit("stored", { storage: { warnAtPercent: 1 } });
    await condition("DiskSpace", "False NearlyFull");
    await it.edit("stored", { storage: { warnAtPercent: 99 } });
    await condition("DiskSpace", "True Enough");
  });
});

describe("storage.size", () => {
  test("grows: volumes do, or it is told why not, and later ones have the new size", { timeout: 180_000 }, async () => {
    explainFailure(it.namespace);
    const uids = await it.podUids("stored");
    const canGrow =
      (await kubectl("get", "storageclass", "-o", "jsonpath={.items[*].allowVolumeExpansion}")) === "true";
    await it.edit("stored", { storage: { size: "300Mi" } });
    await condition("StorageReady", canGrow ? "True AsRequested" : "False ResizeRefused");
    await eventually("sets with the new size", { withinMs: 60_000 }, async () => {
      const sets = await listObjects<StatefulSet>(it.namespace, "statefulsets", "kvcluster.dev/cluster=stored");
      const sizes = sets.map(({ spec }) => spec.volumeClaimTemplates[0]?.spec.resources.requests.storage);
      expect(sizes).toEqual(["300Mi", "300Mi", "300Mi"]);
    });
    await it.ready("stored", READY_AGAIN_WITHIN_MS);
    expect(await it.podUids("stored")).toEqual(uids);
  });
});

describe("a lost volume", () => {
  test("of a replica is filled again from its primary", { timeout: 240_000 }, async () => {
    explainFailure(it.namespace);
    const cluster = await it.ready("stored", READY_AGAIN_WITHIN_MS);
    await loseVolume(cluster.status?.shardStatus?.[0]?.replicas?.[0] ?? "");
    await it.ready("stored", READY_AGAIN_WITHIN_MS);
    expect(await it.keys("stored", "check", KEYS)).toBe(`${KEYS} keys as written\n`);
  });

  test("of a primary costs no key: its replica leads, and it is filled again", { timeout: 240_000 }, async () => {
    explainFailure(it.namespace);
    const before = (await it.ready("stored", READY_AGAIN_WITHIN_MS)).status?.shardStatus?.[1];
    const lost = before?.primary ?? "";
    await loseVolume(lost);
    const after = (await it.ready("stored", READY_AGAIN_WITHIN_MS)).status?.shardStatus?.[1];
    expect([after?.primary, after?.replicas]).toEqual([before?.replicas?.[0], [lost]]);
    expect(await it.keys("stored", "check", KEYS)).toBe(`${KEYS} keys as written\n`);
  });
});

interface StatefulSet extends KubernetesObject {
  readonly spec: {
    readonly volumeClaimTemplates: readonly {
      readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } };
    }[];
  };
}

/** As when a node's disk breaks: nobody is told before, and the pod comes back with a new volume. */
async function loseVolume(pod: string): Promise<void> {
  const uidOf = async () => (await it.pods("stored")).find(({ metadata }) => metadata.name === pod)?.metadata.uid;
  const before = await uidOf();
  await kubectl("-n", it.namespace, "delete", `pvc/data-${pod}`, "--wait=false");
  await kubectl("-n", it.namespace, "delete", `pod/${pod}`, "--force", "--grace-period=0");
  await eventually("a pod with a new volume", { withinMs: READY_AGAIN_WITHIN_MS }, async () => {
    expect([undefined, before]).not.toContain(await uidOf());
    const claim = await getObject(it.namespace, `pvc/data-${pod}`);
    expect(claim.metadata.deletionTimestamp).toBeUndefined();
    expect(claim.status?.phase).toBe("Bound");
  });
}

async function condition(type: string, wanted: string): Promise<void> {
  await eventually(`${type} ${wanted}`, { withinMs: 90_000 }, async () => {
    const cluster = await getObject<KVCluster>(it.namespace, "kvc/stored");
    const found = cluster.status?.conditions?.find((one) => one.type === type);
    expect(`${found?.status} ${found?.reason}`).toBe(wanted);
  });
}
