/**
 * The metrics that dashboards and alerts made for redis_exporter ask for, under its names and labels: the fields of INFO
 * (exporter-fields.ts), and what has labels or comes from elsewhere.
 * Source of the names: https://github.com/oliver006/redis_exporter
 */

import { FIELD_METRICS, type FieldMetric } from "./exporter-fields.ts";
import type { ClusterFacts, CommandFacts, DatabaseFacts, PrimaryLinkFacts, ReplicaFacts } from "./facts.ts";
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
  gauge("db_keys", "Keys by database", ["db"], databases("keys", 1)),
  gauge("db_keys_expiring", "Keys with a time to live by database", ["db"], databases("expires", 1)),
  gauge("db_avg_ttl_seconds", "Their average time to live", ["db"], databases("averageTtlMs", 1e-3)),
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
    primaryLink((link) => [primaryLabels(link), bit(link.isSyncing)]),
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
  gauge(
    "cluster_state",
    "1 while the cluster serves",
    [],
    cluster(({ isOk }) => bit(isOk)),
  ),
  gauge(
    "cluster_slots_assigned",
    "Slots with an owner",
    [],
    cluster(({ slotsAssigned }) => slotsAssigned),
  ),
  gauge(
    "cluster_slots_ok",
    "Slots whose owner answers",
    [],
    cluster(({ slotsOk }) => slotsOk),
  ),
  gauge(
    "cluster_slots_pfail",
    "Slots whose owner is suspected",
    [],
    cluster(({ slotsSuspected }) => slotsSuspected),
  ),
  gauge(
    "cluster_slots_fail",
    "Slots whose owner failed",
    [],
    cluster(({ slotsFailed }) => slotsFailed),
  ),
  gauge(
    "cluster_known_nodes",
    "Nodes that this node knows",
    [],
    cluster(({ knownNodes }) => knownNodes),
  ),
  gauge(
    "cluster_size",
    "Primaries with slots",
    [],
    cluster(({ shards }) => shards),
  ),
  gauge(
    "cluster_current_epoch",
    "Highest epoch seen",
    [],
    cluster(({ currentEpoch }) => currentEpoch),
  ),
  gauge(
    "cluster_my_epoch",
    "Epoch of this node's slots",
    [],
    cluster(({ ownEpoch }) => ownEpoch),
  ),
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

function cluster(value: (facts: ClusterFacts) => number): Read {
  return ({ sources }) => {
    const facts = sources.cluster();
    return single(facts === undefined ? undefined : value(facts));
  };
}
