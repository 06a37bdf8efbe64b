// What Prometheus hears of clusters and backups: rows that read the objects at each scrape, so a series goes when its object
// goes. Alerts of the chart (charts/kvcluster/monitoring) are written against these names.
import type { KVBackup } from "./api/kv-backup.ts";
import type { KVCluster } from "./api/kv-cluster.ts";

export interface Objects {
  readonly clusters: readonly KVCluster[];
  readonly backups: readonly KVBackup[];
}

export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export interface ObjectMetric {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: (objects: Objects) => readonly Sample[];
}

const OF_CLUSTER = ["namespace", "name"];
const OF_BACKUPS = ["namespace", "cluster"];

export const OBJECT_METRICS: readonly ObjectMetric[] = [
  {
    name: "kv_operator_cluster_phase",
    help: "1 for the phase a cluster is in",
    labels: [...OF_CLUSTER, "phase"],
    read: ({ clusters }) => clusters.map((each) => [{ ...nameOf(each), phase: each.status?.phase ?? "Unknown" }, 1]),
  },
  {
    name: "kv_operator_cluster_instances",
    help: "Servers of a cluster",
    labels: [...OF_CLUSTER, "state"],
    read: ({ clusters }) =>
      clusters.flatMap((each): readonly Sample[] => [
        [{ ...nameOf(each), state: "all" }, each.status?.instances ?? 0],
        [{ ...nameOf(each), state: "ready" }, each.status?.readyInstances ?? 0],
      ]),
  },
  {
    name: "kv_operator_cluster_condition",
    help: "1 for a condition that is True, 0 for False and Unknown",
    labels: [...OF_CLUSTER, "type"],
    read: ({ clusters }) =>
      clusters.flatMap((each) =>
        (each.status?.conditions ?? []).map(
          ({ type, status }): Sample => [{ ...nameOf(each), type }, status === "True" ? 1 : 0],
        ),
      ),
  },
  {
    name: "kv_operator_cluster_slots_served",
    help: "Slots whose owner answers, of 16,384",
    labels: OF_CLUSTER,
    read: ({ clusters }) => clusters.map((each) => [nameOf(each), each.status?.slotsAssigned ?? 0]),
  },
  {
    name: "kv_operator_backups",
    help: "Backups by cluster and phase",
    labels: [...OF_BACKUPS, "phase"],
    read: ({ backups }) => {
      const counts = new Map<string, [Readonly<Record<string, string>>, number]>();
      for (const backup of backups) {
        const labels = { ...clusterOf(backup), phase: backup.status?.phase ?? "Pending" };
        const key = Object.values(labels).join("/");
        counts.set(key, [labels, (counts.get(key)?.[1] ?? 0) + 1]);
      }
      return [...counts.values()];
    },
  },
  {
    name: "kv_operator_backup_last_success_timestamp_seconds",
    help: "When the latest completed backup was completed",
    labels: OF_BACKUPS,
    read: ({ backups }) =>
      latestOf(
        backups.filter(({ status }) => status?.phase === "Completed"),
        endOf,
      ),
  },
  {
    name: "kv_operator_backup_last_failed",
    help: "1 where the latest backup that has ended has failed",
    labels: OF_BACKUPS,
    read: ({ backups }) => {
      const ended = backups.filter(({ status }) => status?.phase === "Completed" || status?.phase === "Failed");
      const isLatest = new Map(latestOf(ended, startOf).map(([labels, time]) => [keyOf(labels), time]));
      return ended
        .filter((backup) => isLatest.get(keyOf(clusterOf(backup))) === startOf(backup))
        .map((backup) => [clusterOf(backup), backup.status?.phase === "Failed" ? 1 : 0]);
    },
  },
];

function nameOf({ metadata }: KVCluster): Readonly<Record<string, string>> {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}

function clusterOf({ metadata, spec }: KVBackup): Readonly<Record<string, string>> {
  return { namespace: metadata.namespace ?? "", cluster: spec.clusterRef.name };
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return Object.values(labels).join("/");
}

/** The greatest time of each cluster's backups, in seconds. */
function latestOf(backups: readonly KVBackup[], timeOf: (backup: KVBackup) => number): readonly Sample[] {
  const latest = new Map<string, Sample>();
  for (const backup of backups) {
    const labels = clusterOf(backup);
    const known = latest.get(keyOf(labels))?.[1] ?? 0;
    latest.set(keyOf(labels), [labels, Math.max(known, timeOf(backup))]);
  }
  return [...latest.values()];
}

function startOf({ metadata }: KVBackup): number {
  return secondsOf(metadata.creationTimestamp);
}

function endOf({ metadata, status }: KVBackup): number {
  return secondsOf(status?.completedAt ?? metadata.creationTimestamp);
}

function secondsOf(time: string | undefined): number {
  const ms = Date.parse(time ?? "");
  return Number.isNaN(ms) ? 0 : ms / 1000;
}
