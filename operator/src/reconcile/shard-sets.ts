/** The StatefulSets of a cluster's shards, as they are. */

import { SHARD_LABEL } from "../api/labels.ts";
import { isOwnedBy, type Manifest } from "../resources/manifest.ts";
import type { Pass } from "./step.ts";

export function shardSets({
  cluster,
  dependencies,
  name,
}: Pick<Pass, "cluster" | "dependencies" | "name">): readonly Manifest[] {
  return dependencies.store.children(name).filter((child) => child.kind === "StatefulSet" && isOwnedBy(child, cluster));
}

/** Those beyond spec.shards that are not being deleted, the last one first. */
export function leavingSets(pass: Pass): readonly Manifest[] {
  return shardSets(pass)
    .filter((set) => set.metadata.deletionTimestamp === undefined && shardOf(set) >= pass.cluster.spec.shards)
    .sort((a, b) => shardOf(b) - shardOf(a));
}

/** 0 where there is no label, so that it is never taken for one that leaves. */
export function shardOf({ metadata }: Manifest): number {
  return Number(metadata.labels?.[SHARD_LABEL] ?? 0);
}

export function replicasOf({ spec }: Manifest): number | undefined {
  return spec?.replicas as number | undefined;
}

interface ClaimTemplate {
  readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } };
}

export function claimTemplateOf({ spec }: Manifest): ClaimTemplate | undefined {
  return (spec?.volumeClaimTemplates as readonly ClaimTemplate[] | undefined)?.[0];
}
