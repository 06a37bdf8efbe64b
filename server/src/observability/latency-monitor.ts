/**
 * The latency monitor: spikes of at least `latency-monitor-threshold` milliseconds, by the event that caused them, at most one
 * a second and the last 160 of each (a later one in the same second only if it is worse). Off while the threshold is 0.
 */

const SAMPLES_MAX = 160;

/** The names are Redis'. */
export type LatencyEvent = "command" | "fast-command" | "expire-cycle" | "eviction-cycle" | "active-defrag-cycle";

export interface LatencySample {
  readonly timestampSeconds: number;
  readonly milliseconds: number;
}

export interface LatencySeries {
  readonly event: string;
  /** Oldest first. */
  readonly samples: readonly LatencySample[];
  /** Since the start or the last reset. */
  readonly worstMs: number;
}

interface OwnSeries extends LatencySeries {
  readonly samples: LatencySample[];
  worstMs: number;
}

export class LatencyMonitor {
  readonly #series = new Map<string, OwnSeries>();
  readonly #thresholdMs: () => number;
  readonly #nowMs: () => number;

  constructor(thresholdMs: () => number, nowMs: () => number) {
    this.#thresholdMs = thresholdMs;
    this.#nowMs = nowMs;
  }

  /** Keeps it if it is a spike. */
  add(event: LatencyEvent, microseconds: number): void {
    const thresholdMs = this.#thresholdMs();
    const milliseconds = Math.floor(microseconds / 1000);
    if (thresholdMs === 0 || milliseconds < thresholdMs) return;
    const series = this.#seriesOf(event);
    series.worstMs = Math.max(series.worstMs, milliseconds);
    const sample = { timestampSeconds: Math.floor(this.#nowMs() / 1000), milliseconds };
    const last = series.samples.at(-1);
    if (last?.timestampSeconds === sample.timestampSeconds) {
      if (milliseconds > last.milliseconds) series.samples[series.samples.length - 1] = sample;
      return;
    }
    series.samples.push(sample);
    if (series.samples.length > SAMPLES_MAX) series.samples.shift();
  }

  #seriesOf(event: string): OwnSeries {
    const known = this.#series.get(event);
    if (known !== undefined) return known;
    const series: OwnSeries = { event, samples: [], worstMs: 0 };
    this.#series.set(event, series);
    return series;
  }

  get thresholdMs(): number {
    return this.#thresholdMs();
  }

  all(): readonly LatencySeries[] {
    return [...this.#series.values()];
  }

  of(event: string): LatencySeries | undefined {
    return this.#series.get(event);
  }

  /** Forgets an event; false if it has none. */
  forget(event: string): boolean {
    return this.#series.delete(event);
  }
}
