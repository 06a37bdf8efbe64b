/** All clusters, one a line. */

import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import { grouped, timeApart } from "./amounts.ts";
import { latestFirst, phaseOf } from "./report.ts";
import { textTable } from "./text-table.ts";

export interface ClusterLine {
  readonly namespace: string;
  readonly name: string;
  readonly mode: string;
  readonly shards: number;
  readonly replicasPerShard: number;
  readonly ready: string;
  readonly slotsServed: number;
  readonly phase: string;
  readonly message: string;
  readonly lastBackup: string | undefined;
  readonly createdAt: string | undefined;
}

export function clusterLines(clusters: readonly KVCluster[], backups: readonly KVBackup[]): readonly ClusterLine[] {
  return clusters.map((cluster) => {
    const { metadata, spec, status = {} } = cluster;
    const own = backups.filter(
      (backup) => backup.metadata.namespace === metadata.namespace && backup.spec.clusterRef.name === metadata.name,
    );
    return {
      namespace: metadata.namespace ?? "",
      name: metadata.name,
      mode: spec.mode,
      shards: spec.shards,
      replicasPerShard: spec.replicasPerShard,
      ready: status.ready ?? "0/0",
      slotsServed: status.slotsAssigned ?? 0,
      phase: phaseOf(cluster),
      message: status.message ?? "",
      lastBackup: latestFirst(own).find((backup) => backup.status?.phase === "Completed")?.status?.completedAt,
      createdAt: metadata.creationTimestamp,
    };
  });
}

export function renderList(lines: readonly ClusterLine[], nowMs: number): string {
  const header = [
    "NAMESPACE",
    "NAME",
    "MODE",
    "SHARDS",
    "REPLICAS",
    "READY",
    "SLOTS",
    "PHASE",
    "BACKUP",
    "AGE",
    "MESSAGE",
  ];
  const rows = lines.map((line) => [
    line.namespace,
    line.name,
    line.mode,
    String(line.shards),
    String(line.replicasPerShard),
    line.ready,
    grouped(line.slotsServed),
    line.phase,
    line.lastBackup === undefined ? "none" : `${timeApart(line.lastBackup, nowMs)} ago`,
    timeApart(line.createdAt, nowMs),
    line.phase === "Ready" ? "" : line.message,
  ]);
  return `${textTable(header, rows).join("\n")}\n`;
}
