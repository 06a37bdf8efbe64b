/**
 * The Prometheus view of the facts: each metric is one row that reads its value when it is scraped, so nothing is
 * counted twice and nothing costs between scrapes. Names are redis_exporter's where it has one (exporter-metrics.ts), the
 * others begin with kvcluster_ (own-metrics.ts). The library is loaded with the first scrape.
 */

import type { Counter, Gauge, Registry } from "prom-client";
import { createEventLoopDelay, type EventLoopDelay } from "./event-loop-delay.ts";
import { EXPORTER_METRICS } from "./exporter-metrics.ts";
import type { FactSources } from "./facts.ts";
import { infoFields } from "./info.ts";
import type { Metric, Scrape } from "./metric.ts";
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
  const { Counter, Gauge, Registry: RegistryClass } = await import("prom-client");
  const registry = new RegistryClass();
  for (const { name, kind, help, labels, read } of metrics) {
    const common = { name, help, labelNames: [...labels], registers: [registry] };
    if (kind === "gauge") {
      new Gauge({
        ...common,
        collect() {
          empty(this, labels);
          for (const [given, value] of read(scrape())) this.set({ ...given }, value);
        },
      });
    } else {
      new Counter({
        ...common,
        collect() {
          empty(this, labels);
          for (const [given, value] of read(scrape())) this.inc({ ...given }, value);
        },
      });
    }
  }
  return registry;
}

function empty(metric: Counter | Gauge, labels: readonly string[]): void {
  metric.reset();
  // Without labels a metric begins with a 0, also where there is nothing to tell.
  if (labels.length === 0) metric.remove();
}
