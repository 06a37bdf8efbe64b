/**
 * The Prometheus view of the facts: each metric is one row that reads its value when it is scraped, so nothing is
 * counted twice and nothing costs between scrapes. The library is loaded with the first scrape.
 */

import type { Registry } from "prom-client";
import type { FactSources } from "./facts.ts";

export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

export type MetricsReader = () => Promise<MetricsText>;

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

interface Metric {
  readonly name: string;
  readonly kind: "gauge" | "counter";
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: (sources: FactSources) => number | readonly Sample[];
}

const bit = (value: boolean): number => (value ? 1 : 0);

const METRICS: readonly Metric[] = [
  gauge("uptime_seconds", "Seconds since the start", ({ server }) => {
    const facts = server();
    return (facts.nowUs / 1000 - facts.startedAtMs) / 1000;
  }),
  gauge("connected_clients", "Connected clients", (sources) => sources.clients().connected),
  gauge("blocked_clients", "Clients waiting in a blocking command", (sources) => sources.clients().blocked),
  gauge("max_clients", "Limit of connected clients", (sources) => sources.clients().maxClients),
  counter("connections_total", "Connections accepted", (sources) => sources.statistics().connectionsAccepted),
  counter("connections_rejected_total", "Connections refused", (sources) => sources.statistics().connectionsRejected),
  counter("commands_processed_total", "Commands run", (sources) => sources.statistics().commands),
  counter("network_input_bytes_total", "Bytes read from clients", (sources) => sources.statistics().inputBytes),
  counter("network_output_bytes_total", "Bytes written to clients", (sources) => sources.statistics().outputBytes),
  counter("keyspace_hits_total", "Lookups that found a key", (sources) => sources.statistics().hits),
  counter("keyspace_misses_total", "Lookups that found none", (sources) => sources.statistics().misses),
  counter(
    "expired_fields_total",
    "Fields of hashes removed at their time",
    (sources) => sources.statistics().expiredFields,
  ),
  counter("expired_keys_total", "Keys removed at their time", (sources) => sources.statistics().expiredKeys),
  counter("evicted_keys_total", "Keys removed for memory", (sources) => sources.statistics().evictedKeys),
  counter(
    "command_calls_total",
    "Calls by command",
    commandSamples((row) => row.calls),
    ["command"],
  ),
  counter(
    "command_seconds_total",
    "Time by command",
    commandSamples((row) => row.microseconds / 1e6),
    ["command"],
  ),
  counter(
    "command_failures_total",
    "Failed calls by command",
    commandSamples((row) => row.failedCalls),
    ["command"],
  ),
  counter(
    "command_rejections_total",
    "Refused calls by command",
    commandSamples((row) => row.rejectedCalls),
    ["command"],
  ),
  counter(
    "error_replies_total",
    "Error replies by code",
    (sources) => sources.errors().map(([code, n]) => [{ code }, n]),
    ["code"],
  ),
  gauge("memory_used_bytes", "Memory that counts towards maxmemory", (sources) => sources.memory().usedBytes),
  gauge("memory_peak_bytes", "Highest memory_used_bytes so far", (sources) => sources.memory().peakBytes),
  gauge("memory_arena_bytes", "Memory the arena took from the system", (sources) => sources.memory().arenaBytes),
  gauge("memory_resident_bytes", "Resident memory of the process", (sources) => sources.memory().residentBytes),
  gauge("memory_heap_bytes", "Garbage-collected heap in use", (sources) => sources.memory().heapBytes),
  gauge("memory_limit_bytes", "maxmemory, 0 is none", (sources) => sources.memory().limitBytes),
  gauge(
    "keys",
    "Keys by database",
    databaseSamples((row) => row.keys),
    ["db"],
  ),
  gauge(
    "keys_with_expiry",
    "Keys with a time to live by database",
    databaseSamples((row) => row.expires),
    ["db"],
  ),
  gauge("is_primary", "1 on a primary, 0 on a replica", (sources) =>
    bit(sources.replication().primaryLink === undefined),
  ),
  gauge("replication_offset", "Replication offset", (sources) => sources.replication().offset),
  gauge("connected_replicas", "Replicas connected here", (sources) => sources.replication().replicas.length),
  gauge("replica_lag_bytes", "Bytes each replica is behind", replicaLagSamples, ["replica"]),
  gauge("replica_link_up", "1 while a replica has its primary; absent on a primary", primaryLinkSamples),
  counter("full_syncs_total", "Full synchronisations served", (sources) => sources.statistics().fullSyncs),
  counter("partial_syncs_total", "Partial synchronisations served", (sources) => sources.statistics().partialSyncs),
  gauge("loading", "1 while the data set loads", (sources) => bit(sources.persistence().loading !== undefined)),
  gauge("changes_since_save", "Changes since the last snapshot", (sources) => sources.persistence().changesSinceSave),
  gauge(
    "last_save_timestamp_seconds",
    "Time of the last snapshot",
    (sources) => sources.persistence().lastSaveAtMs / 1000,
  ),
  gauge("last_save_ok", "1 if the last snapshot succeeded", (sources) => bit(sources.persistence().isLastSaveOk)),
  gauge("save_in_progress", "1 while a snapshot is taken", (sources) => bit(sources.persistence().isSaving)),
  gauge("aof_enabled", "1 with the append-only file on", (sources) => bit(sources.persistence().appendOnly.isEnabled)),
  gauge("aof_size_bytes", "Size of the append-only file", (sources) => sources.persistence().appendOnly.currentBytes),
  gauge("aof_last_write_ok", "1 if the last append succeeded", (sources) =>
    bit(sources.persistence().appendOnly.isLastWriteOk),
  ),
  gauge(
    "cluster_state_ok",
    "1 while the cluster serves",
    clusterSamples((facts) => bit(facts.isOk)),
  ),
  gauge(
    "cluster_slots_assigned",
    "Slots with an owner",
    clusterSamples((facts) => facts.slotsAssigned),
  ),
  gauge(
    "cluster_slots_failed",
    "Slots whose owner failed",
    clusterSamples((facts) => facts.slotsFailed),
  ),
  gauge(
    "cluster_own_slots",
    "Slots this node serves",
    clusterSamples((facts) => facts.ownSlots),
  ),
  gauge(
    "cluster_known_nodes",
    "Nodes this node knows",
    clusterSamples((facts) => facts.knownNodes),
  ),
  gauge(
    "cluster_current_epoch",
    "Epoch of the cluster",
    clusterSamples((facts) => facts.currentEpoch),
  ),
  counter("cpu_system_seconds_total", "Processor time in the system", (sources) => sources.processor().systemSeconds),
  counter("cpu_user_seconds_total", "Processor time in user code", (sources) => sources.processor().userSeconds),
];

type Read = Metric["read"];

function gauge(name: string, help: string, read: Read, labels: readonly string[] = []): Metric {
  return { name: `kvcluster_${name}`, kind: "gauge", help, labels, read };
}

function counter(name: string, help: string, read: Read, labels: readonly string[] = []): Metric {
  return { name: `kvcluster_${name}`, kind: "counter", help, labels, read };
}

function commandSamples(value: (row: ReturnType<FactSources["commands"]>[number]) => number): Read {
  return (sources) =>
    sources
      .commands()
      .filter((row) => row.calls > 0 || row.rejectedCalls > 0)
      .map((row) => [{ command: row.name }, value(row)]);
}

function databaseSamples(value: (row: ReturnType<FactSources["keyspace"]>[number]) => number): Read {
  return (sources) => sources.keyspace().map((row) => [{ db: String(row.index) }, value(row)]);
}

function clusterSamples(value: (facts: NonNullable<ReturnType<FactSources["cluster"]>>) => number): Read {
  return (sources) => {
    const facts = sources.cluster();
    return facts === undefined ? [] : [[{}, value(facts)]];
  };
}

function replicaLagSamples(sources: FactSources): readonly Sample[] {
  const { offset, replicas } = sources.replication();
  return replicas.map((replica) => [
    { replica: `${replica.address}:${replica.port}` },
    Math.max(0, offset - replica.offset),
  ]);
}

function primaryLinkSamples(sources: FactSources): readonly Sample[] {
  const link = sources.replication().primaryLink;
  return link === undefined ? [] : [[{}, bit(link.isUp)]];
}

export function createMetricsReader(sources: FactSources): MetricsReader {
  let registry: Promise<Registry> | undefined;
  return async () => {
    registry ??= createRegistry(sources);
    const ready = await registry;
    return { contentType: ready.contentType, text: await ready.metrics() };
  };
}

async function createRegistry(sources: FactSources): Promise<Registry> {
  const { Counter, Gauge, Registry: RegistryClass } = await import("prom-client");
  const registry = new RegistryClass();
  for (const row of METRICS) {
    const common = { name: row.name, help: row.help, labelNames: [...(row.labels ?? [])], registers: [registry] };
    if (row.kind === "gauge") {
      new Gauge({
        ...common,
        collect() {
          this.reset();
          for (const [labels, value] of samplesOf(row, sources)) this.set({ ...labels }, value);
        },
      });
    } else {
      new Counter({
        ...common,
        collect() {
          this.reset();
          for (const [labels, value] of samplesOf(row, sources)) this.inc({ ...labels }, value);
        },
      });
    }
  }
  return registry;
}

function samplesOf(row: Metric, sources: FactSources): readonly Sample[] {
  const value = row.read(sources);
  return typeof value === "number" ? [[{}, value]] : value;
}
