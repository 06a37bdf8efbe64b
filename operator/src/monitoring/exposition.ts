/** Reads what /metrics prints: names with the labels that samples of theirs have, for tests. */

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/;

/** Names of series as a query needs them: a histogram has those of its buckets, sum and count. */
export function seriesIn(exposition: string): ReadonlyMap<string, ReadonlySet<string>> {
  const series = new Map<string, Set<string>>();
  for (const line of exposition.split("\n")) {
    const [, name, labels = ""] = SAMPLE.exec(line) ?? [];
    if (name === undefined) continue;
    const known = series.get(name) ?? new Set();
    for (const [, label] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label ?? "");
    series.set(name, known);
  }
  return series;
}
