// Which server of each shard a backup reads from. A replica costs the primary nothing, but only one that is ready will
// do: ready means that its link is up and its data is there. What is not decidable yet is said in a sentence.

import type { KVBackupSpec } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import { isPodReady, type PodWithConditions } from "../pod-readiness.ts";
import { CLIENT_PORT } from "../resources/manifest.ts";
import { podHost } from "../resources/names.ts";

export interface BackupSource {
  readonly index: number;
  readonly pod: string;
  /** host:port */
  readonly address: string;
  readonly slots: string;
}

export type BackupSources =
  | { readonly kind: "sources"; readonly sources: readonly BackupSource[] }
  | { readonly kind: "missing"; readonly message: string };

export function backupSources(
  cluster: KVCluster,
  pods: readonly PodWithConditions[],
  { target, clusterDomain }: { target: KVBackupSpec["target"]; clusterDomain: string },
): BackupSources {
  const ready = new Set(pods.filter(isPodReady).map(({ metadata }) => metadata.name));
  const shards = cluster.status?.shardStatus ?? [];
  const sources: BackupSource[] = [];
  for (let index = 0; index < cluster.spec.shards; index++) {
    const shard = shards.find((candidate) => candidate.index === index);
    const replicas = target === "PreferReplica" ? (shard?.replicas ?? []) : [];
    const pod = [...replicas, shard?.primary].find((name) => name !== undefined && ready.has(name));
    if (shard === undefined || pod === undefined) {
      return { kind: "missing", message: `Shard ${index} of KVCluster "${cluster.metadata.name}" has no ready server` };
    }
    const address = `${podHost(cluster, pod, clusterDomain)}:${CLIENT_PORT}`;
    sources.push({ index, pod, address, slots: shard.slots ?? "" });
  }
  return { kind: "sources", sources };
}
