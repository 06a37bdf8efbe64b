/** Whose the slots of a move are, as a node sees it. */

import { areOfOneShard, type ClusterNode, isPrimary } from "../cluster/cluster-node.ts";
import type { ClusterState } from "../cluster/state.ts";
import type { MigrationJob } from "./migration-job.ts";

/** Asked by the source. */
export function ownerOfMove(
  { table, myself, nodes: known }: ClusterState,
  { slots, nodes }: MigrationJob,
): "this node" | "the target" | "others" {
  const target = known.get(nodes?.target ?? "");
  const owners = new Set([...slots].map((slot) => table.ownerOf(slot)));
  if (owners.size !== 1) return "others";
  if (owners.has(myself) && isPrimary(myself)) return "this node";
  const [owner] = owners;
  if (owner === undefined || target === undefined) return "others";
  // It may have been replaced by its replica since.
  return owner === target || areOfOneShard(owner, target) ? "the target" : "others";
}

/** Asked by the source: whether the target has spoken with an epoch that is not before that of this node's claims. */
export function isTargetUpToDate({ myself, nodes: known }: ClusterState, { nodes }: MigrationJob): boolean {
  return (known.get(nodes?.target ?? "")?.spokenEpoch ?? 0) >= myself.configEpoch;
}

/** Asked by the target, which has to be a primary. */
export function isSourceOwner({ table, myself, nodes: known }: ClusterState, { slots, nodes }: MigrationJob): boolean {
  const source = known.get(nodes?.source ?? "");
  if (!isPrimary(myself) || source === undefined) return false;
  return [...slots].every((slot) => table.ownerOf(slot) === source);
}

/** The one owner of all the slots, or why there is none. */
export function soleOwner(
  { table }: ClusterState,
  slots: readonly number[],
): { readonly owner: ClusterNode } | { readonly refusal: string } {
  const owners = new Set<ClusterNode>();
  for (const slot of slots) {
    const owner = table.ownerOf(slot);
    if (owner === undefined) return { refusal: `ERR Slot ${slot} has no node served.` };
    owners.add(owner);
  }
  const [owner] = owners;
  if (owner === undefined || owners.size > 1) return { refusal: "ERR Requested slots span multiple shards" };
  return { owner };
}
