/** One metric of /metrics: a row that reads its values when it is scraped. */

import type { FactSources } from "./facts.ts";

export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export interface Scrape {
  readonly sources: FactSources;
  /** INFO, by the names of its fields. */
  readonly fields: ReadonlyMap<string, string | number>;
}

export interface Metric {
  readonly name: string;
  readonly kind: "gauge" | "counter";
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: (scrape: Scrape) => readonly Sample[];
}

type Build = (name: string, help: string, labels: readonly string[], read: Metric["read"]) => Metric;

/** Rows whose names all begin so. */
export function metricsNamed(prefix: string): Readonly<Record<Metric["kind"], Build>> {
  const build =
    (kind: Metric["kind"]): Build =>
    (name, help, labels, read) => ({ name: `${prefix}${name}`, kind, help, labels, read });
  return { gauge: build("gauge"), counter: build("counter") };
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

export const bit = (value: boolean): number => (value ? 1 : 0);
