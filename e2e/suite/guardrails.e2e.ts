// What keeps a cluster from being lost by mistake: protection from deletion.
import { beforeAll, describe, expect, test } from "vitest";
import { getObject, kubectl, tryKubectl } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";

const it = scene("guardrails");

beforeAll(async () => {
  await it.apply(clusterManifest("kept", { shards: 1, replicasPerShard: 1 }));
  await it.ready("kept", 120_000);
});

describe("a KVCluster that is protected from deletion", () => {
  test("is not deleted, and says how it can be", async () => {
    explainFailure(it.namespace);
    await kubectl("-n", it.namespace, "annotate", "kvc/kept", "kvcluster.dev/deletion-protection=true");
    for (const what of [["kvc/kept"], ["kvc", "--all"]]) {
      const refused = await tryKubectl("-n", it.namespace, "delete", ...what);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain('KVCluster "kept" is protected from deletion');
    }
    const cluster = await getObject<KVCluster>(it.namespace, "kvc/kept");
    expect(cluster.metadata.deletionTimestamp).toBeUndefined();
    const hint = `annotate kvcluster kept -n ${it.namespace} kvcluster.dev/deletion-protection-`;
    await kubectl(...hint.split(" "));
    const deleted = await tryKubectl("-n", it.namespace, "delete", "kvc/kept", "--dry-run=server");
    expect(deleted.code).toBe(0);
  });
});
