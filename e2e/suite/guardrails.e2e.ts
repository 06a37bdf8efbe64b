// What keeps a cluster from being lost by mistake, and what lets it rest: protection from deletion, hibernation.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { getObject, kubectl, listObjects, mustRun, tryKubectl } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";
import { printed } from "../pages/page.ts";
import { openShell, type Shell } from "../pages/shell.ts";

const CHART = join(import.meta.dirname, "../../charts/kvcluster");
const KEYS = 5_000;
const SLEEP_MS = 120_000;
const it = scene("guardrails");
let shell: Shell;
let before: unknown;

beforeAll(async () => {
  shell = await openShell(it.namespace);
  await it.apply(clusterManifest("minimal"));
  await it.ready("minimal", 120_000);
});
afterAll(() => shell.close());

describe("a KVCluster that is protected and hibernated as the README says", () => {
  test("has no pods then, and keeps its volumes", { timeout: 200_000 }, async () => {
    explainFailure(it.namespace);
    expect(await it.keys("minimal", "write", KEYS)).toBe(`${KEYS} keys written\n`);
    before = await layout();
    await shell.run(printed("README.md", "kubectl annotate kvcluster minimal kvcluster.dev/deletion-protection=true"));
    expect((await getObject<KVCluster>(it.namespace, "kvc/minimal")).status?.phase).toBe("Hibernated");
    expect(await it.pods("minimal")).toEqual([]);
    expect(await listObjects(it.namespace, "pvc", "kvcluster.dev/cluster=minimal")).toHaveLength(6);
  });

  test("is not deleted, and says how it can be", async () => {
    explainFailure(it.namespace);
    for (const what of [["kvc/minimal"], ["kvc", "--all"]]) {
      const refused = await tryKubectl("-n", it.namespace, "delete", ...what);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain('KVCluster "minimal" is protected from deletion');
    }
    const cluster = await getObject<KVCluster>(it.namespace, "kvc/minimal");
    expect(cluster.metadata.deletionTimestamp).toBeUndefined();
    const hint = `annotate kvcluster minimal -n ${it.namespace} kvcluster.dev/deletion-protection-`;
    await kubectl(...hint.split(" "));
    const deleted = await tryKubectl("-n", it.namespace, "delete", "kvc/minimal", "--dry-run=server");
    expect(deleted.code).toBe(0);
  });

  test("comes back with its data, slots and roles", { timeout: 200_000 }, async () => {
    explainFailure(it.namespace);
    await it.edit("minimal", { hibernated: false });
    await it.ready("minimal", SLEEP_MS);
    expect(await layout()).toEqual(before);
    expect(await it.keys("minimal", "check", KEYS)).toBe(`${KEYS} keys as written\n`);
  });
});

describe("the policy that protects from deletion", () => {
  test("is left out of the chart where that may only look after one namespace", async () => {
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

async function layout() {
  return (await getObject<KVCluster>(it.namespace, "kvc/minimal")).status?.shardStatus;
}
