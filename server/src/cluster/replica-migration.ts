/**
 * Replicas go where there is none any more: to a primary that has slots, had replicas once, and has been without a working one
 * for some seconds. Of all working replicas of the primaries that have most of them, the one with the smallest id goes, if its own
 * primary is left with as many as `cluster-migration-barrier` says. All see the same and come to the same one, so only one goes.
 *
 * Redis also counts failed replicas when it looks for the smallest id, and so sends nobody while that one is down.
 */

import {
  type ClusterNode,
  hasFlag,
  isFailed,
  isPrimary,
  isSuspected,
  labelOf,
  NODE_FLAG,
  workingReplicas,
} from "./cluster-node.ts";
import { type ClusterState, followPrimary, log } from "./state.ts";

/** A primary must have been without replicas this long before one of another shard migrates to it. */
const MIGRATION_DELAY_MS = 5000;
/** Nobody gives away its only one. */
const LEAST_REPLICAS = 2;

/** Since when this node has been without a replica that it should have. To be called at each tick. */
export function noteOrphan(state: ClusterState, node: ClusterNode): void {
  const isOrphan =
    isPrimary(node) &&
    !isSuspected(node) &&
    node.slotCount > 0 &&
    hasFlag(node, NODE_FLAG.migrateTo) &&
    workingReplicas(node) === 0;
  if (!isOrphan) node.orphanedAt = 0;
  else if (node.orphanedAt === 0) node.orphanedAt = state.now;
}

/** The primary that this replica is to follow from now on; undefined while it stays where it is. */
export function orphanToFollow(state: ClusterState): ClusterNode | undefined {
  const { myself, settings, now } = state;
  const { primary } = myself;
  if (!settings.allowReplicaMigration || !state.isOk || primary === undefined) return undefined;
  if (workingReplicas(primary) <= settings.migrationBarrier) return undefined;
  let orphan: ClusterNode | undefined;
  let most = LEAST_REPLICAS;
  for (const node of state.nodes.values()) {
    if (!isPrimary(node) || isFailed(node)) continue;
    most = Math.max(most, workingReplicas(node));
    if (node.orphanedAt !== 0 && now - node.orphanedAt > MIGRATION_DELAY_MS) orphan ??= node;
  }
  if (workingReplicas(primary) !== most) return undefined;
  const rivals = [...state.nodes.values()].filter((node) => isPrimary(node) && workingReplicas(node) === most);
  const isFirst = rivals.every(({ replicas }) => replicas.every((one) => isSuspected(one) || one.id >= myself.id));
  return isFirst ? orphan : undefined;
}

export function migrateToOrphan(state: ClusterState): void {
  const orphan = orphanToFollow(state);
  if (orphan === undefined) return;
  log(state, "notice", `Migrating to orphaned primary ${labelOf(orphan)}`);
  followPrimary(state, orphan, false);
}
