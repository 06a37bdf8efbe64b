/** Holds expressions to the series that there are. Complaints are sentences for whoever broke one: none is well. */

import type { ChartExpression } from "./chart-expressions.ts";
import { readPromql } from "./promql.ts";

/** By which of their names Prometheus knows series. */
export type Series = ReadonlyMap<string, ReadonlySet<string>>;

/** What scraping adds by the PodMonitors of the chart (templates/metrics.yaml). */
export const TARGET_LABELS = ["namespace", "pod", "container", "job", "instance", "endpoint"] as const;
export const SERVER_TARGET_LABELS = [...TARGET_LABELS, "kvcluster", "shard"] as const;

/** `isOurs` picks the metrics that `series` should have; others are someone else's to check. */
export function complaintsOf(
  { place, expression, textLabels }: ChartExpression,
  series: Series,
  isOurs: (metric: string) => boolean,
): readonly string[] {
  const use = readPromql(expression);
  const ours = use.metrics.filter(({ name }) => isOurs(name));
  const missing = ours.filter(({ name }) => !series.has(name)).map(({ name }) => `${place}: no metric ${name}`);
  const matched = ours.flatMap(({ name, labels }) =>
    labels
      .filter((label) => series.get(name)?.has(label) === false && !isTargetLabel(name, label))
      .map((label) => `${place}: ${name} has no label ${label}`),
  );
  // Whatever is grouped by, or named in a text, has to come from one of the metrics.
  const hasLabel = (label: string): boolean =>
    ours.some(({ name }) => series.get(name)?.has(label) === true || isTargetLabel(name, label));
  const named = ours.length < use.metrics.length ? [] : [...use.groupingLabels, ...textLabels];
  const unknown = named.filter((label) => !hasLabel(label)).map((label) => `${place}: no metric has a label ${label}`);
  const lost = textLabels
    .filter((label) => use.resultLabels !== undefined && !use.resultLabels.includes(label))
    .map((label) => `${place}: the result has no label ${label}`);
  return [...missing, ...matched, ...unknown, ...lost];
}

/** Of a server, not of the operator. */
export function isServerMetric(metric: string): boolean {
  return metric.startsWith("redis_") || metric.startsWith("kvcluster_");
}

function isTargetLabel(metric: string, label: string): boolean {
  const labels: readonly string[] = isServerMetric(metric) ? SERVER_TARGET_LABELS : TARGET_LABELS;
  return labels.includes(label);
}
