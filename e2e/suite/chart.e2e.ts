// The Helm chart: sound, its values checked, and what it installs keeps to the rules of restricted namespaces.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { IS_OUR_KUBERNETES } from "../harness/images.ts";
import { kubectl, mustRun, run } from "../harness/kubectl.ts";
import { printed } from "../pages/page.ts";
import { openShell, type Shell } from "../pages/shell.ts";

const CHART = join(import.meta.dirname, "../../charts/kvcluster");

interface Rendered {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
}

const MONITORING = ["podMonitor", "serverPodMonitor", "prometheusRule", "dashboards"].map(
  (key) => `metrics.${key}=true`,
);

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
    ["deletionProtection=true", /deletionProtection/],
    ["replicas=-1", /replicas/],
    ["watchNamespace=Not_A_Name", /watchNamespace/],
    ["metrics.dashboards=please", /dashboards/],
  ])("refuses the value %s", async (set, says) => {
    const result = await run("helm", ["template", "kvcluster", CHART, "--set", set]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(says);
  });

  test("leaves out by default what needs other resource definitions", async () => {
    const kinds = (await template()).map(({ kind }) => kind);
    expect(kinds.filter((kind) => ["PodMonitor", "PrometheusRule", "ConfigMap"].includes(kind))).toEqual([]);
  });

  test("brings alerts and dashboards as they are in its files, under labels by which they are found", async () => {
    const rendered = await template(...MONITORING, "metrics.labels.release=stack");
    const rule = rendered.find(({ kind }) => kind === "PrometheusRule");
    expect(rule?.spec).toEqual(parse(readFileSync(join(CHART, "monitoring/alerts.yaml"), "utf8")));
    expect(rule?.metadata.labels).toMatchObject({ release: "stack", "app.kubernetes.io/part-of": "kvcluster" });
    const monitors = rendered.filter(({ kind }) => kind === "PodMonitor");
    expect(monitors.map(({ metadata }) => [metadata.name, metadata.labels?.release])).toEqual([
      ["kvcluster", "stack"],
      ["kvcluster-servers", "stack"],
    ]);
    const maps = rendered.filter(({ kind }) => kind === "ConfigMap");
    expect(maps.map(({ metadata }) => metadata.labels?.grafana_dashboard)).toEqual(["1", "1"]);
    for (const [file, text] of maps.flatMap(({ data = {} }) => Object.entries(data))) {
      const source = readFileSync(join(CHART, "dashboards", file), "utf8");
      expect(JSON.parse(text)).toEqual(JSON.parse(source));
    }
  });

  test("looks for servers where the operator does", async () => {
    const selectorOf = async (...sets: readonly string[]) => {
      const all = await template("metrics.serverPodMonitor=true", ...sets);
      const monitors = all.filter(({ kind }) => kind === "PodMonitor");
      return monitors.map(({ spec }) => (spec as { namespaceSelector: unknown }).namespaceSelector);
    };
    expect(await selectorOf()).toEqual([{ any: true }]);
    expect(await selectorOf("watchNamespace=team-a")).toEqual([{ matchNames: ["team-a"] }]);
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

// Elsewhere the operator is not ours to change.
describe.runIf(IS_OUR_KUBERNETES)("the commands that install", () => {
  let shell: Shell;
  beforeAll(async () => {
    shell = await openShell("default");
  });
  afterAll(() => shell.close());

  test("the operator, in the README", { timeout: 300_000 }, async () => {
    expect(await shell.run(printed("README.md", "make images"))).toContain("STATUS: deployed");
    const image = "jsonpath={.items[*].spec.template.spec.containers[*].image}";
    const running = await kubectl("-n", "kvcluster-system", "get", "deployments", "-o", image);
    expect(running).toBe("kvcluster/operator:dev");
  });

  test("the resource definitions of a newer chart", async () => {
    const applied = await shell.run(printed("charts/kvcluster/README.md", "kubectl apply --server-side"));
    expect(applied.match(/ serverside-applied$/gm)).toHaveLength(3);
  });
});
