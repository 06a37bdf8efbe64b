// The chart's alerts and dashboards: sound in themselves, and held to the metrics that the operator prints. Those of servers
// are in chart.integration.test.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { KVBackup } from "../api/kv-backup.ts";
import type { Caches } from "../kube/mirror.ts";
import { OperatorMetrics } from "../operator-metrics.ts";
import { CHANGES } from "../reconcile/change-meter.ts";
import { exampleCluster } from "../resources/example-cluster.ts";
import type { Controller } from "../runtime/controller.ts";
import { alertRules, CHART, chartExpressions, dashboards, type Panel } from "./chart-expressions.ts";
import { complaintsOf, isServerMetric } from "./complaints.ts";
import { seriesIn } from "./exposition.ts";
import { readPromql } from "./promql.ts";

const FUNCTIONS = "absent avg count histogram_quantile increase max min rate resets sum time topk".split(" ");
const BUILT_IN_VARIABLES = ["__rate_interval", "datasource"];

async function operatorSeries() {
  const condition = { type: "Ready", status: "True", reason: "Serving", message: "", lastTransitionTime: "" } as const;
  const clusters = [{ ...exampleCluster(), status: { conditions: [condition] } }];
  const backup = {
    metadata: { name: "b", namespace: "apps" },
    spec: { clusterRef: { name: "shop" } },
    status: { phase: "Completed", completedAt: "2026-01-01T00:00:00Z" },
  } as KVBackup;
  const caches = { KVCluster: { list: () => clusters }, KVBackup: { list: () => [backup] } } as unknown as Caches;
  const metrics = new OperatorMetrics();
  metrics.observe(caches, [{ name: "cluster", depth: 0 } as Controller], () => true);
  for (const result of ["success", "requeue", "error"]) metrics.reconciled("cluster", result, 1);
  for (const change of CHANGES) metrics.count({ namespace: "apps", name: "shop" }, change, 1);
  return seriesIn(await metrics.registry.metrics());
}

describe("the chart's expressions", () => {
  it("are there, and use functions that there are", () => {
    const all = chartExpressions();
    expect(all.length).toBeGreaterThan(60);
    const used = new Set(all.flatMap(({ expression }) => readPromql(expression).functions));
    expect([...used].filter((name) => !FUNCTIONS.includes(name))).toEqual([]);
  });

  it("use metrics and labels that the operator prints", async () => {
    const series = await operatorSeries();
    const isOurs = (metric: string) => !isServerMetric(metric);
    expect(chartExpressions().flatMap((each) => complaintsOf(each, series, isOurs))).toEqual([]);
  });

  it("ask for conditions that docs/status.md knows", () => {
    const documented = readFileSync(join(CHART, "../../docs/status.md"), "utf8");
    const types = chartExpressions().flatMap(({ expression }) => [...expression.matchAll(/\btype="(\w+)"/g)]);
    expect(types.length).toBeGreaterThan(5);
    for (const [, type] of types) expect(documented).toContain(`| \`${type}\` |`);
  });
});

describe("alerts", () => {
  it("have names of their own, a severity, and words for people", () => {
    const rules = alertRules();
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations, for: patience = "0s" } of rules) {
      expect(alert).toMatch(/^KV[A-Z]\w+$/);
      expect(["warning", "critical"]).toContain(labels?.severity);
      expect(patience).toMatch(/^\d+[smh]$/);
      expect(annotations).toEqual({ summary: expect.any(String), description: expect.any(String) });
    }
  });
});

describe("dashboards", () => {
  it("have panels that do not overlap, under ids of their own", () => {
    for (const { panels } of dashboards()) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      for (const [index, panel] of panels.entries()) {
        expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
        const overlapping = panels.slice(index + 1).filter((other) => doOverlap(panel, other));
        expect(overlapping.map(({ title }) => `${title} lies over ${panel.title}`)).toEqual([]);
      }
    }
  });

  it("use the variables they define", () => {
    for (const { panels, templating } of dashboards()) {
      const known = [...BUILT_IN_VARIABLES, ...templating.list.map(({ name }) => name)];
      const used = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)]));
      expect(used.map(([, name]) => name).filter((name) => !known.includes(name ?? ""))).toEqual([]);
    }
    const ids = dashboards().map(({ uid }) => uid);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

function doOverlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
