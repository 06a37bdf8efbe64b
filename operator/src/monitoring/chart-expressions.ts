/** Every expression in the chart's alerts and dashboards, with the labels that its texts name: for tests. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

export interface ChartExpression {
  /** Where it stands, for messages. */
  readonly place: string;
  readonly expression: string;
  /** Labels in annotations and legends. */
  readonly textLabels: readonly string[];
}

export const CHART = join(import.meta.dirname, "../../../charts/kvcluster");

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { readonly query: string } }[];
  };
}

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export function alertRules(): readonly AlertRule[] {
  const text = readFileSync(join(CHART, "monitoring/alerts.yaml"), "utf8");
  const { groups } = parse(text) as { groups: readonly { rules: readonly AlertRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export function dashboards(): readonly Dashboard[] {
  const directory = join(CHART, "dashboards");
  return readdirSync(directory).map((file) => JSON.parse(readFileSync(join(directory, file), "utf8")) as Dashboard);
}

export function chartExpressions(): readonly ChartExpression[] {
  return [...alertRules().map(ofAlert), ...dashboards().flatMap(ofDashboard)];
}

function ofAlert({ alert, expr, annotations = {} }: AlertRule): ChartExpression {
  const textLabels = namesIn(Object.values(annotations).join(" "), /\$labels\.(\w+)/g);
  return { place: `alert ${alert}`, expression: expr, textLabels };
}

function ofDashboard({ title, panels, templating }: Dashboard): readonly ChartExpression[] {
  const targets = panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ expr, legendFormat }) => ({
      place: `panel "${panel.title}" of "${title}"`,
      expression: expr,
      textLabels: namesIn(legendFormat, /\{\{(\w+)\}\}/g),
    })),
  );
  const variables = templating.list.flatMap(({ name, query }) => {
    const [, expression, label] =
      /^label_values\((.*), (\w+)\)$/.exec(typeof query === "string" ? "" : query.query) ?? [];
    if (expression === undefined || label === undefined) return [];
    return [{ place: `variable ${name} of "${title}"`, expression, textLabels: [label] }];
  });
  return [...targets, ...variables];
}

function namesIn(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].flatMap(([, name]) => (name === undefined ? [] : [name]));
}
