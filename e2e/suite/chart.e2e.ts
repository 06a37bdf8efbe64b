// The Helm chart: sound, its values checked, and what it installs keeps to the rules of restricted namespaces.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { kubectl, mustRun, run } from "../harness/kubectl.ts";

const CHART = join(import.meta.dirname, "../../charts/kvcluster");

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

async function template(...sets: readonly string[]): Promise<readonly Rendered[]> {
  const flags = sets.flatMap((set) => ["--set", set]);
  const text = await mustRun("helm", ["template", "kvcluster", CHART, "--namespace", "system", ...flags]);
  return parseAllDocuments(text).map((document) => document.toJS() as Rendered);
}

describe("charts/kvcluster", () => {
  test("passes `helm lint --strict`", async () => {
    expect(await mustRun("helm", ["lint", "--strict", CHART])).toContain("0 chart(s) failed");
  });

  test("asks for cluster-wide rights by default, and for none when it watches one namespace", async () => {
    expect((await template()).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["ClusterRole", "ClusterRoleBinding"]),
    );
    const narrow = await template("watchNamespace=team-a");
    expect(narrow.filter(({ kind }) => kind.startsWith("Cluster"))).toEqual([]);
    const bindings = narrow.filter(({ kind }) => kind === "RoleBinding");
    expect(bindings.map(({ metadata }) => metadata.namespace)).toEqual(expect.arrayContaining(["team-a", "system"]));
  });

  test.each([
    ["replica=2", /'replica' not allowed/],
    ["image.pullPolicy=Sometimes", /pullPolicy/],
    ["logLevel=loud", /logLevel/],
    ["replicas=-1", /replicas/],
    ["watchNamespace=Not_A_Name", /watchNamespace/],
  ])("refuses the value %s", async (set, says) => {
    const result = await run("helm", ["template", "kvcluster", CHART, "--set", set]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(says);
  });

  test("passes the restricted pod security standard", async () => {
    const text = await mustRun("helm", [
      "template",
      "kvcluster",
      CHART,
      "--namespace",
      "default",
      "--show-only",
      "templates/deployment.yaml",
    ]);
    const deployment = parseAllDocuments(text)[0]?.toJS() as { spec: { template: { spec: object } } };
    const namespace = "e2e-chart";
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await mustRun(
      "kubectl",
      ["apply", "-f", "-"],
      JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } }),
    );
    const spec = { ...deployment.spec.template.spec, serviceAccountName: "default" };
    const pod = JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "operator", namespace }, spec });
    expect(await mustRun("kubectl", ["create", "--dry-run=server", "-f", "-"], pod)).toContain("pod/operator created");
    await kubectl("delete", "namespace", namespace, "--wait=false");
  });
});
