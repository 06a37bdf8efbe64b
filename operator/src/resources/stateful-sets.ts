/**
 * One StatefulSet a shard. Roles move between its pods, so it never restarts them by ordinal (`OnDelete`: whoever knows the
 * live role deletes them in order), and all of them start together (`Parallel`), or a shard whose first pod waits for the
 * others would never come back.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { DELETION_PROTECTION_ANNOTATION, SHARD_LABEL } from "../api/labels.ts";
import { type ChildContext, childMetadata, commonLabels, type Manifest, shardSelector } from "./manifest.ts";
import { headlessServiceName, statefulSetName } from "./names.ts";
import { DATA_VOLUME, podTemplate } from "./pod-template.ts";

export function statefulSets(context: ChildContext): readonly Manifest[] {
  return Array.from({ length: context.cluster.spec.shards }, (_, shard) => statefulSet(context, shard));
}

function statefulSet(context: ChildContext, shard: number): Manifest {
  const { cluster } = context;
  const { storage, replicasPerShard } = cluster.spec;
  const { name } = cluster.metadata;
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: childMetadata(cluster, statefulSetName(name, shard), { [SHARD_LABEL]: String(shard) }),
    spec: {
      replicas: 1 + replicasPerShard,
      serviceName: headlessServiceName(name),
      podManagementPolicy: "Parallel",
      updateStrategy: { type: "OnDelete" },
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: reclaimPolicy(cluster), whenScaled: "Retain" },
      selector: { matchLabels: shardSelector(cluster, shard) },
      template: podTemplate(context, shard),
      ...(storage.type === "PersistentVolume" ? { volumeClaimTemplates: [claimTemplate(context, shard)] } : {}),
    },
  };
}

/** What protects from deletion keeps the volumes, also where nothing refuses: with the resource definition all clusters go. */
function reclaimPolicy({ metadata, spec }: KVCluster): string {
  return metadata.annotations?.[DELETION_PROTECTION_ANNOTATION] === "true" ? "Retain" : spec.storage.reclaimPolicy;
}

function claimTemplate({ cluster }: ChildContext, shard: number): Readonly<Record<string, unknown>> {
  const { size, storageClassName } = cluster.spec.storage;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: DATA_VOLUME, labels: { ...commonLabels(cluster), [SHARD_LABEL]: String(shard) } },
    spec: {
      accessModes: ["ReadWriteOnce"],
      volumeMode: "Filesystem",
      resources: { requests: { storage: String(size) } },
      ...(storageClassName === undefined ? {} : { storageClassName }),
    },
  };
}
