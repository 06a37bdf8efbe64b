/**
 * How long commands take, under redis_exporter's names: LATENCY HISTOGRAM as a histogram, the percentiles of INFO as a
 * summary (whose quantiles it names by their percent), the latency monitor's spikes, and the slow log.
 */

import type { CommandFacts, LatencyFacts, LatencySpikeFacts } from "./facts.ts";
import {
  histogramSamples,
  type Metric,
  metricsNamed,
  samplesOf,
  single,
  summarySamples,
  type Total,
} from "./metric.ts";

const { gauge, summary, histogram } = metricsNamed("redis_");

export const EXPORTER_LATENCIES: readonly Metric[] = [
  histogram(
    "commands_latencies_usec",
    "Microseconds that calls took by command, in powers of two; only those with calls",
    ["cmd"],
    eachCommand(({ name, levels, calls }, { sum }) => histogramSamples({ cmd: name }, levels, { sum, count: calls })),
  ),
  summary(
    "latency_percentiles_usec",
    "Microseconds that so many percent of the calls did not exceed, by command",
    ["cmd"],
    eachCommand(({ name, percentiles }, total) => summarySamples({ cmd: name }, percentiles, total)),
  ),
  gauge(
    "latency_spike_last",
    "When something last took longer than latency-monitor-threshold, by what it was",
    ["event_name"],
    spikes(({ atSeconds }) => atSeconds),
  ),
  gauge(
    "latency_spike_duration_seconds",
    "How long it took",
    ["event_name"],
    spikes(({ milliseconds }) => milliseconds / 1e3),
  ),
  gauge("slowlog_length", "Commands in the slow log", [], ({ sources }) => single(sources.slowLog().length)),
  gauge("slowlog_last_id", "Id of the latest of them; 0: none", [], ({ sources }) =>
    single(sources.slowLog().last?.id ?? 0),
  ),
  gauge("last_slow_execution_duration_seconds", "How long it took; 0: none", [], ({ sources }) =>
    single((sources.slowLog().last?.microseconds ?? 0) / 1e6),
  ),
];

/** `total` is what INFO commandstats has: it is not forgotten when the times are. */
function eachCommand(samples: (row: LatencyFacts, total: Total) => ReturnType<Metric["read"]>): Metric["read"] {
  return ({ sources }) => {
    const commands = new Map(sources.commands().map((command) => [command.name, command]));
    return sources.latencies().flatMap((row) => samples(row, totalOf(commands.get(row.name))));
  };
}

function totalOf(command: CommandFacts | undefined): Total {
  return { sum: Math.round(command?.microseconds ?? 0), count: command?.calls ?? 0 };
}

function spikes(value: (spike: LatencySpikeFacts) => number): Metric["read"] {
  return ({ sources }) => samplesOf(sources.latencySpikes(), ({ event }) => ({ event_name: event }), value);
}
