/** The latency monitor, its report, and the distribution of the times of commands. */

import { describe, expect, test } from "vitest";
import { bucketOf, LatencyHistograms } from "./latency-histograms.ts";
import { LatencyMonitor } from "./latency-monitor.ts";
import { latencyGraph, latencyJudgement } from "./latency-report.ts";

describe("The latency monitor", () => {
  function monitorAt(thresholdMs: number): { monitor: LatencyMonitor; clock: { nowMs: number } } {
    const clock = { nowMs: 1_000_000 };
    const monitor = new LatencyMonitor(
      () => thresholdMs,
      () => clock.nowMs,
    );
    return { monitor, clock };
  }

  test("keeps nothing while its threshold is 0, and nothing below it", () => {
    const off = monitorAt(0).monitor;
    off.add("command", 1e9);
    expect(off.all()).toEqual([]);
    const { monitor } = monitorAt(10);
    monitor.add("command", 9_999);
    expect(monitor.all()).toEqual([]);
    monitor.add("command", 10_000);
    expect(monitor.of("command")?.samples).toEqual([{ timestampSeconds: 1000, milliseconds: 10 }]);
  });

  test("keeps the worst of a second, the last 160 seconds, and the worst of all", () => {
    const { monitor, clock } = monitorAt(1);
    for (const microseconds of [5000, 900_000, 7000]) monitor.add("command", microseconds);
    expect(monitor.of("command")?.samples).toEqual([{ timestampSeconds: 1000, milliseconds: 900 }]);
    for (let second = 0; second < 200; second++) {
      clock.nowMs += 1000;
      monitor.add("command", 2000);
    }
    expect(monitor.of("command")?.samples).toHaveLength(160);
    expect(monitor.of("command")?.samples[0]?.timestampSeconds).toBe(1041);
    expect(monitor.of("command")?.worstMs).toBe(900);
  });

  test("forgets what it is told to", () => {
    const { monitor } = monitorAt(1);
    monitor.add("command", 2000);
    monitor.add("fast-command", 2000);
    expect(monitor.forget("nosuch")).toBe(false);
    expect(monitor.forget("command")).toBe(true);
    expect(monitor.all().map(({ event }) => event)).toEqual(["fast-command"]);
  });
});

describe("The report", () => {
  const series = {
    event: "command",
    samples: [8, 20, 50].map((milliseconds, index) => ({ timestampSeconds: 100 + index, milliseconds })),
    worstMs: 70,
  };

  test("draws a column a sample, the highest to the top, with ages below", () => {
    const lines = latencyGraph(series, 112).split("\n");
    expect(lines[0]).toBe("command - high 50 ms, low 8 ms (all time high 70 ms)");
    expect(lines[1]).toBe("-".repeat(80));
    expect(lines.slice(2, 6)).toEqual(["  #", "  |", " _|", "_||"]);
    expect(lines.slice(6, 10)).toEqual(["   ", "111", "210", "sss"]);
  });

  test("says that the monitor is off, that all is well, or what was slow", () => {
    expect(latencyJudgement([], { thresholdMs: 0, slowLogUs: 10_000 })).toContain("monitor is off");
    expect(latencyJudgement([], { thresholdMs: 5, slowLogUs: 10_000 })).toContain("No event took 5 ms");
    const judgement = latencyJudgement([series], { thresholdMs: 5, slowLogUs: 10_000 });
    expect(judgement).toContain("1. command: 3 (average 26 ms, mean deviation 16 ms, one in 1.00 s), worst ever 70 ms");
    expect(judgement).toContain("slowlog-log-slower-than 5000");
  });
});

describe("Histograms", () => {
  test("put every time into a bucket at most 1/16 wide, in order", () => {
    let last = -1;
    for (let microseconds = 0.01; microseconds < 2e6; microseconds *= 1.01) {
      const bucket = bucketOf(microseconds);
      expect(bucket).toBeGreaterThanOrEqual(last);
      last = bucket;
      const histograms = new LatencyHistograms(2);
      histograms.record(1, bucket);
      const top = histograms.percentile(1, 50);
      if (microseconds < 1e6) expect(top).toBeGreaterThan(microseconds);
      expect(top).toBeLessThanOrEqual(Math.min(1.07e6, microseconds * 1.07 + 0.064));
    }
  });

  test("count up by powers of two, at the limits that Redis names", () => {
    const histograms = new LatencyHistograms(2);
    for (const microseconds of [0.5, 0.5, 3, 30, 30_000, 5e6]) histograms.record(1, bucketOf(microseconds));
    expect(histograms.calls(1)).toBe(6);
    expect(histograms.levels(1)).toEqual([
      [1, 2],
      [4, 3],
      [33, 4],
      [33816, 5],
      [1082130, 6],
    ]);
    expect(histograms.percentile(1, 50)).toBeCloseTo(3, 0);
    histograms.reset();
    expect(histograms.calls(1)).toBe(0);
    expect(histograms.levels(1)).toEqual([]);
  });
});
