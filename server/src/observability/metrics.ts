/**
 * The Prometheus view of the facts: each metric is one row that reads its value when it is scraped, so nothing is
 * counted twice and nothing costs between scrapes. Names are redis_exporter's where it has one (exporter-metrics.ts), the
 * others begin with kvcluster_ (own-metrics.ts). The library is loaded with the first scrape.
 */

import type { Registry } from "prom-client";
import { createEventLoopDelay, type EventLoopDelay } from "./event-loop-delay.ts";
import { EXPORTER_METRICS } from "./exporter-metrics.ts";
import type { FactSources } from "./facts.ts";
import { infoFields } from "./info.ts";
import type { Metric, MetricKind, Sample, Scrape } from "./metric.ts";
import { ownMetrics } from "./own-metrics.ts";

export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

export type MetricsReader = () => Promise<MetricsText>;

export function createMetricsReader(
  sources: FactSources,
  delay: EventLoopDelay = createEventLoopDelay(),
): MetricsReader {
  const metrics = [...EXPORTER_METRICS, ...ownMetrics(delay)];
  let scrape: Scrape = { sources, fields: new Map() };
  let registry: Promise<Registry> | undefined;
  return async () => {
    registry ??= createRegistry(metrics, () => scrape);
    const ready = await registry;
    const once = asked(sources);
    scrape = { sources: once, fields: infoFields(once) };
    return { contentType: ready.contentType, text: await ready.metrics() };
  };
}

/** Each source is asked once, however many metrics it gives: some take a while. */
function asked(sources: FactSources): FactSources {
  const known = new Map<string, unknown>();
  return new Proxy(sources, {
    get(target, name: keyof FactSources & string) {
      return () => {
        if (!known.has(name)) known.set(name, target[name]());
        return known.get(name);
      };
    },
  });
}

async function createRegistry(metrics: readonly Metric[], scrape: () => Scrape): Promise<Registry> {
  const library = await import("prom-client");
  const registry = new library.Registry();
  for (const metric of metrics) await register(metric, { library, registry, scrape });
  return registry;
}

interface Registration {
  readonly library: typeof import("prom-client");
  readonly registry: Registry;
  readonly scrape: () => Scrape;
}

async function register({ name, kind, help, labels, read }: Metric, parts: Registration): Promise<void> {
  const { library, registry, scrape } = parts;
  const kinds = {
    gauge: library.Gauge,
    counter: library.Counter,
    summary: library.Summary,
    histogram: library.Histogram,
  } as const satisfies Readonly<Record<MetricKind, unknown>>;
  const own = new kinds[kind]({ name, help, labelNames: [...labels], registers: [] });
  const description = await own.get();
  // The library's metrics add up what they are told; ours give the facts whole. Its registry asks for one or the other.
  const get = async () => ({ ...description, values: read(scrape()).map(exposed(name)) });
  registry.registerMetric(Object.assign(own, { get, getForPromString: get }));
}

function exposed(
  name: string,
): (sample: Sample) => { metricName: string; labels: Record<string, string>; value: number } {
  return ([labels, value, part]) => ({
    metricName: part === undefined ? name : `${name}_${part}`,
    labels: { ...labels },
    value,
  });
}
