/** One budget a shard: a drain may take one copy of each shard at a time, never two of the same. */

import { SHARD_LABEL } from "../api/labels.ts";
import { type ChildContext, childMetadata, type Manifest, shardSelector } from "./manifest.ts";
import { statefulSetName } from "./names.ts";

export function podDisruptionBudgets({ cluster }: ChildContext): readonly Manifest[] {
  const { disruption, shards } = cluster.spec;
  if (disruption.podDisruptionBudget === "Disabled") return [];
  return Array.from({ length: shards }, (_, shard) => ({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: childMetadata(cluster, statefulSetName(cluster.metadata.name, shard), { [SHARD_LABEL]: String(shard) }),
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: shardSelector(cluster, shard) },
      unhealthyPodEvictionPolicy: "IfHealthyBudget",
    },
  }));
}
