// What keeps a cluster from being lost by mistake, and what lets it rest: protection from deletion, hibernation.
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { conditionOf, getObject, kubectl, listObjects, mustRun, tryKubectl } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";

const CHART = join(import.meta.dirname, "../../charts/kvcluster");
const KEYS = 5_000;
const SLEEP_MS = 120_000;
const it = scene("guardrails");

beforeAll(async () => {
  await it.apply(clusterManifest("kept"));
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

  test("is so by a policy that the chart leaves out where it may only look after one namespace", async () => {
    const policies = async (...sets: readonly string[]) => {
      const known = ["--api-versions", "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"];
      const flags = [...known, ...sets.flatMap((set) => ["--set", set])];
      const text = await mustRun("helm", ["template", "kvcluster", CHART, ...flags]);
      return text.match(/^kind: ValidatingAdmissionPolicy.*$/gm);
    };
    const both = ["kind: ValidatingAdmissionPolicy", "kind: ValidatingAdmissionPolicyBinding"];
    expect(await policies()).toEqual(both);
    expect(await policies("watchNamespace=team-a")).toBeNull();
    expect(await policies("watchNamespace=team-a", "deletionProtection=Enabled")).toEqual(both);
    expect(await policies("deletionProtection=Disabled")).toBeNull();
  });
});

describe("a KVCluster that is hibernated", () => {
  test("has no pods, and comes back with its data, slots and roles", { timeout: 400_000 }, async () => {
    explainFailure(it.namespace);
    expect(await it.keys("kept", "write", KEYS)).toBe(`${KEYS} keys written\n`);
    const before = await layout();
    await it.edit("kept", { hibernated: true });
    await eventually("no pods", { withinMs: SLEEP_MS }, async () => {
      const cluster = await getObject<KVCluster>(it.namespace, "kvc/kept");
      expect([cluster.status?.phase, conditionOf(cluster, "Hibernated")]).toEqual(["Hibernated", "True"]);
      expect(await it.pods("kept")).toEqual([]);
    });
    expect(await listObjects(it.namespace, "pvc", "kvcluster.dev/cluster=kept")).toHaveLength(6);
    await it.edit("kept", { hibernated: false });
    await it.ready("kept", SLEEP_MS);
    expect(await layout()).toEqual(before);
    expect(await it.keys("kept", "check", KEYS)).toBe(`${KEYS} keys as written\n`);
  });
});

async function layout() {
  return (await getObject<KVCluster>(it.namespace, "kvc/kept")).status?.shardStatus;
}
