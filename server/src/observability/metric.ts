/** One metric of /metrics: a row that reads its values when it is scraped. */

import type { FactSources } from "./facts.ts";

/** `part`: the word that its name ends in, where a metric has several kinds of samples. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number, part?: Part];
type Part = "bucket" | "sum" | "count";

export interface Scrape {
  readonly sources: FactSources;
  /** INFO, by the names of its fields. */
  readonly fields: ReadonlyMap<string, string | number>;
}

export type MetricKind = "gauge" | "counter" | "summary" | "histogram";

export interface Metric {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  /** `le` and `quantile` come with the kind. */
  readonly labels: readonly string[];
  readonly read: (scrape: Scrape) => readonly Sample[];
}

type Build = (name: string, help: string, labels: readonly string[], read: Metric["read"]) => Metric;

/** Rows whose names all begin so. */
export function metricsNamed(prefix: string): Readonly<Record<MetricKind, Build>> {
  const build =
    (kind: MetricKind): Build =>
    (name, help, labels, read) => ({ name: `${prefix}${name}`, kind, help, labels, read });
  return {
    gauge: build("gauge"),
    counter: build("counter"),
    summary: build("summary"),
    histogram: build("histogram"),
  };
}

export function samplesOf<Row>(
  rows: readonly Row[],
  labels: (row: Row) => Sample[0],
  value: (row: Row) => number,
): readonly Sample[] {
  return rows.map((row) => [labels(row), value(row)]);
}

/** One sample without labels, or none. */
export function single(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [[{}, value]];
}

export interface Total {
  readonly sum: number;
  readonly count: number;
}

/** What one set of labels has in a histogram; `levels`: so many were at most so much. */
export function histogramSamples(
  labels: Sample[0],
  levels: readonly (readonly [limit: number, count: number])[],
  { sum, count }: Total,
): readonly Sample[] {
  const all = [...levels, [Number.POSITIVE_INFINITY, count] as const];
  const buckets = all.map(([limit, atMost]): Sample => [{ ...labels, le: limitText(limit) }, atMost, "bucket"]);
  return [...buckets, [labels, sum, "sum"], [labels, count, "count"]];
}

/** What one set of labels has in a summary. */
export function summarySamples(
  labels: Sample[0],
  quantiles: readonly (readonly [quantile: number, value: number])[],
  { sum, count }: Total,
): readonly Sample[] {
  const values = quantiles.map(([quantile, value]): Sample => [{ ...labels, quantile: String(quantile) }, value]);
  return [...values, [labels, sum, "sum"], [labels, count, "count"]];
}

export const bit = (value: boolean): number => (value ? 1 : 0);

function limitText(limit: number): string {
  return limit === Number.POSITIVE_INFINITY ? "+Inf" : String(limit);
}
