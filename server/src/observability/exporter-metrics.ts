/**
 * The metrics that dashboards and alerts made for redis_exporter ask for, under its names and labels: the fields of INFO
 * (exporter-fields.ts), how long commands take (exporter-latencies.ts), the cluster (exporter-cluster.ts), and what else has
 * labels or comes from elsewhere.
 * Source of the names: https://github.com/oliver006/redis_exporter
 */

import { EXPORTER_CLUSTER } from "./exporter-cluster.ts";
import { FIELD_METRICS, type FieldMetric } from "./exporter-fields.ts";
import { EXPORTER_LATENCIES } from "./exporter-latencies.ts";
import type { CommandFacts, DatabaseFacts, OutputBufferLimitFacts, PrimaryLinkFacts, ReplicaFacts } from "./facts.ts";
import { bit, type Metric, metricsNamed, type Sample, type Scrape, samplesOf, single } from "./metric.ts";

/** Words that INFO says where the exporter has a number. */
const NUMBERS_OF_WORDS: Readonly<Record<string, number>> = { ok: 1, err: 0, fail: 0 };
/** Fields of INFO by the same names. */
const INSTANCE_LABELS = [
  "role",
  "redis_version",
  "redis_build_id",
  "redis_mode",
  "os",
  "maxmemory_policy",
  "tcp_port",
  "run_id",
  "process_id",
  "master_replid",
];
/** Of more, a server with thousands of databases would tell little else. */
const EMPTY_DATABASES_MAX = 64;
const REPLICA_LABELS = ["slave_ip", "slave_port", "slave_state"];
const PRIMARY_LABELS = ["master_host", "master_port"];

const builders = metricsNamed("redis_");
const { gauge, counter } = builders;

export const EXPORTER_METRICS: readonly Metric[] = [
  gauge("up", "1: the server answers", [], () => single(1)),
  gauge("start_time_seconds", "When the server started", [], ({ sources }) =>
    single(sources.server().startedAtMs / 1000),
  ),
  gauge("instance_info", "What this server is; always 1", INSTANCE_LABELS, ({ fields }) => {
    const labels = INSTANCE_LABELS.map((name) => [name, String(fields.get(name) ?? "")]);
    return [[Object.fromEntries(labels), 1]];
  }),
  ...FIELD_METRICS.map(fieldMetric),
  gauge("config_io_threads", "The directive io-threads", [], ({ sources }) => single(sources.settings().ioThreads)),
  gauge(
    "config_client_output_buffer_limit_bytes",
    "The directive client-output-buffer-limit; 0: none",
    ["class", "limit"],
    outputBufferLimits((limit) => [
      [{ class: limit.clientClass, limit: "hard" }, limit.hardBytes],
      [{ class: limit.clientClass, limit: "soft" }, limit.softBytes],
    ]),
  ),
  gauge(
    "config_client_output_buffer_limit_overcome_seconds",
    "How long the soft one may be exceeded",
    ["class", "limit"],
    outputBufferLimits((limit) => [[{ class: limit.clientClass, limit: "soft" }, limit.softSeconds]]),
  ),
  gauge("db_keys", "Keys by database", ["db"], allDatabases("keys")),
  gauge("db_keys_expiring", "Keys with a time to live by database", ["db"], allDatabases("expires")),
  gauge("db_avg_ttl_seconds", "Their average time to live", ["db"], databases("averageTtlMs", 1e-3)),
  gauge("db_keys_with_expiring_items", "Hashes with fields that have one", ["db"], databases("expiringHashes", 1)),
  counter("commands_total", "Calls by command", ["cmd"], commands("calls", 1)),
  counter("commands_duration_seconds_total", "Time by command", ["cmd"], commands("microseconds", 1e-6)),
  counter("commands_failed_calls_total", "Failed calls by command", ["cmd"], commands("failedCalls", 1)),
  counter("commands_rejected_calls_total", "Refused calls by command", ["cmd"], commands("rejectedCalls", 1)),
  counter("errors_total", "Error replies by code", ["err"], ({ sources }) =>
    samplesOf(
      sources.errors(),
      ([code]) => ({ err: code }),
      ([, count]) => count,
    ),
  ),
  gauge(
    "connected_slave_offset_bytes",
    "Up to where each replica has the stream of changes",
    REPLICA_LABELS,
    replicas(({ offset }) => offset),
  ),
  gauge(
    "connected_slave_lag_seconds",
    "When each replica was last heard of",
    REPLICA_LABELS,
    replicas(({ lagSeconds }) => lagSeconds),
  ),
  gauge(
    "slave_info",
    "Whom this replica follows; always 1",
    [...PRIMARY_LABELS, "read_only"],
    primaryLink((link) => [{ ...primaryLabels(link), read_only: String(bit(link.isReadOnly)) }, 1]),
  ),
  gauge(
    "master_link_up",
    "1 while this replica has its primary; absent on a primary",
    PRIMARY_LABELS,
    primaryLink((link) => [primaryLabels(link), bit(link.isUp)]),
  ),
  gauge(
    "master_sync_in_progress",
    "1 while this replica receives the whole data set",
    PRIMARY_LABELS,
    primaryLink((link) => [primaryLabels(link), bit(link.transfer !== undefined)]),
  ),
  gauge(
    "master_last_io_seconds_ago",
    "When this replica last heard of its primary; -1: never",
    PRIMARY_LABELS,
    primaryLink((link) => [primaryLabels(link), link.lastMessageSecondsAgo]),
  ),
  gauge(
    "slave_repl_offset",
    "Up to where this replica has the stream of changes",
    PRIMARY_LABELS,
    primaryLink((link) => [primaryLabels(link), link.readOffset]),
  ),
  ...EXPORTER_LATENCIES,
  ...EXPORTER_CLUSTER,
];

type Read = Metric["read"];

/** A field that INFO does not say just now, or says in other words, gives no sample. */
function fieldMetric({ field, name, kind, help, scale }: FieldMetric): Metric {
  const read = ({ fields }: Scrape): readonly Sample[] => {
    const said = fields.get(field);
    const number = typeof said === "string" ? (NUMBERS_OF_WORDS[said] ?? Number(said)) : said;
    return number === undefined || Number.isNaN(number) ? [] : single(number * scale);
  };
  return builders[kind](name, help, [], read);
}

type NumbersOf<Row> = { [Key in keyof Row]: Row[Key] extends number ? Key : never }[keyof Row];

function databases(field: NumbersOf<DatabaseFacts>, scale: number): Read {
  return ({ sources }) =>
    samplesOf(
      sources.keyspace(),
      ({ index }) => ({ db: `db${index}` }),
      (row) => row[field] * scale,
    );
}

/** The empty ones too, so that a sum is there from the first moment. */
function allDatabases(field: NumbersOf<DatabaseFacts>): Read {
  return ({ sources }) => {
    const empty = Math.min(sources.settings().databases, EMPTY_DATABASES_MAX);
    const values = new Map(Array.from({ length: empty }, (_, index) => [index, 0]));
    for (const row of sources.keyspace()) values.set(row.index, row[field]);
    return samplesOf(
      [...values],
      ([index]) => ({ db: `db${index}` }),
      ([, value]) => value,
    );
  };
}

function outputBufferLimits(samples: (limit: OutputBufferLimitFacts) => readonly Sample[]): Read {
  return ({ sources }) => sources.settings().outputBufferLimits.flatMap(samples);
}

function commands(field: NumbersOf<CommandFacts>, scale: number): Read {
  return ({ sources }) => {
    const used = sources.commands().filter(({ calls, rejectedCalls }) => calls > 0 || rejectedCalls > 0);
    return samplesOf(
      used,
      ({ name }) => ({ cmd: name }),
      (row) => row[field] * scale,
    );
  };
}

function replicas(value: (replica: ReplicaFacts) => number): Read {
  return ({ sources }) =>
    samplesOf(
      sources.replication().replicas,
      ({ address, port, state }) => ({ slave_ip: address, slave_port: String(port), slave_state: state }),
      value,
    );
}

function primaryLink(sample: (link: PrimaryLinkFacts) => Sample): Read {
  return ({ sources }) => {
    const link = sources.replication().primaryLink;
    return link === undefined ? [] : [sample(link)];
  };
}

function primaryLabels({ host, port }: PrimaryLinkFacts): Sample[0] {
  return { master_host: host, master_port: String(port) };
}
