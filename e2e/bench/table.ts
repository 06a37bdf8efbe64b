/** The rows of the table of targets: a workload, what was measured, and the verdict by the limits. */

export interface Row {
  readonly workload: string;
  readonly measure: string;
  /** Undefined where there is nothing to compare with. */
  readonly redis: number | undefined;
  readonly ours: number;
  readonly unit: string;
  /** Limits of ours, or of the ratio where `isRatio`. */
  readonly isRatio: boolean;
  readonly must: number;
  readonly aim: number;
}

export type Verdict = "aim" | "must" | "BROKEN";

/** What the limits are for: ours, or ours in parts of Redis'. */
export function judged(row: Row): number {
  return row.isRatio ? row.ours / (row.redis ?? Number.NaN) : row.ours;
}

export function verdict(row: Row): Verdict {
  const value = judged(row);
  if (value <= row.aim) return "aim";
  return value <= row.must ? "must" : "BROKEN";
}

const WIDTHS = [34, 26, 11, 11, 7, 8, 8, 8] as const;

export function header(): string {
  return cells(["workload", "measure", "redis", "ours", "ratio", "must", "aim", "verdict"]);
}

export function line(row: Row): string {
  const ratio = row.redis === undefined || row.redis === 0 ? "" : (row.ours / row.redis).toFixed(2);
  const redis = row.redis === undefined ? "" : short(row.redis);
  const measure = row.unit === "" ? row.measure : `${row.measure}, ${row.unit}`;
  return cells([row.workload, measure, redis, short(row.ours), ratio, String(row.must), String(row.aim), verdict(row)]);
}

function cells(texts: readonly string[]): string {
  return texts
    .map((text, column) => (column < 2 ? text.padEnd(WIDTHS[column] ?? 0) : text.padStart(WIDTHS[column] ?? 0)))
    .join(" ");
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
