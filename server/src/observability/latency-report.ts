/** Samples of the latency monitor for human eyes: the graph of one event, and a judgement of all. Pure. */

import type { LatencySample, LatencySeries } from "./latency-monitor.ts";

const ROWS = 4;
const COLUMNS = 80;
const RULE = "-".repeat(COLUMNS);
/** From the bottom of a row to its top. */
const MARKS = ["_", "o", "#"] as const;

/** A column a sample, the age of each below, written downwards. */
export function latencyGraph(series: LatencySeries, nowSeconds: number): string {
  const samples = series.samples.slice(-COLUMNS);
  const times = samples.map(({ milliseconds }) => milliseconds);
  const low = Math.min(...times);
  const high = Math.max(...times);
  const title = `${series.event} - high ${high} ms, low ${low} ms (all time high ${series.worstMs} ms)`;
  const span = Math.max(1, high - low);
  const steps = ROWS * MARKS.length - 1;
  const heights = times.map((time) => Math.round(((time - low) / span) * steps));
  const rows = Array.from({ length: ROWS }, (_, index) =>
    heights.map((height) => cell(height, ROWS - 1 - index)).join(""),
  );
  return `${[title, RULE, ...rows, " ".repeat(samples.length), ...verticalLabels(samples, nowSeconds)].join("\n")}\n`;
}

function cell(height: number, row: number): string {
  const inRow = height - row * MARKS.length;
  if (inRow < 0) return " ";
  return MARKS[inRow] ?? "|";
}

function verticalLabels(samples: readonly LatencySample[], nowSeconds: number): string[] {
  const labels = samples.map(({ timestampSeconds }) => age(Math.max(0, nowSeconds - timestampSeconds)));
  const length = Math.max(...labels.map((label) => label.length));
  return Array.from({ length }, (_, row) => labels.map((label) => label[row] ?? " ").join(""));
}

function age(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

export interface JudgedSettings {
  readonly thresholdMs: number;
  readonly slowLogUs: number;
}

export function latencyJudgement(all: readonly LatencySeries[], { thresholdMs, slowLogUs }: JudgedSettings): string {
  if (thresholdMs === 0 && all.length === 0) {
    return "The latency monitor is off. Turn it on with CONFIG SET latency-monitor-threshold <milliseconds>.\n";
  }
  if (all.length === 0) return `No event took ${thresholdMs} ms or longer since the last reset.\n`;
  const lines = all.map((series, index) => `${index + 1}. ${describe(series)}`);
  return `${["Spikes by event:", "", ...lines, "", ...advice(all, thresholdMs, slowLogUs)].join("\n")}\n`;
}

function describe({ event, samples, worstMs }: LatencySeries): string {
  const mean = samples.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / samples.length;
  const deviation = samples.reduce((sum, { milliseconds }) => sum + Math.abs(milliseconds - mean), 0) / samples.length;
  const first = samples[0]?.timestampSeconds ?? 0;
  const periodSeconds = ((samples.at(-1)?.timestampSeconds ?? 0) - first) / Math.max(1, samples.length - 1);
  const figures = `average ${Math.round(mean)} ms, mean deviation ${Math.round(deviation)} ms`;
  return `${event}: ${samples.length} (${figures}, one in ${periodSeconds.toFixed(2)} s), worst ever ${worstMs} ms`;
}

function advice(all: readonly LatencySeries[], thresholdMs: number, slowLogUs: number): string[] {
  const has = (event: string): boolean => all.some((series) => series.event === event);
  const lines: string[] = [];
  if (has("command") || has("fast-command")) {
    lines.push("- SLOWLOG GET names the commands and their arguments.");
    if (slowLogUs < 0 || slowLogUs > thresholdMs * 1000) {
      lines.push(`- The slow log misses some of them: CONFIG SET slowlog-log-slower-than ${thresholdMs * 1000}.`);
    }
  }
  if (has("fast-command")) {
    lines.push("- Fast commands do not take long by themselves: look for a busy host, swapping, or large values.");
  }
  if (has("expire-cycle")) lines.push("- Many keys expire at the same moment: spread their times.");
  if (has("eviction-cycle")) lines.push("- Large values are evicted: see maxmemory and maxmemory-policy.");
  if (has("active-defrag-cycle")) lines.push("- Compaction takes long turns: see the active-defrag directives.");
  return lines;
}
