/**
 * Failure detection: one node's suspicion (PFAIL) becomes the cluster's verdict (FAIL) when a majority of the primaries
 * that own slots has reported it within two node timeouts. The verdict is broadcast and lifted again when the node
 * answers and nobody has taken its slots.
 */

import { type ClusterNode, hasFlag, isFailed, isPrimary, labelOf, NODE_FLAG } from "./cluster-node.ts";
import { broadcast } from "./gossip.ts";
import { type ClusterState, log, needsSave, needsUpdate } from "./state.ts";

const REPORT_VALIDITY_FACTOR = 2;
const UNDO_TIME_FACTOR = 2;

/** Returns whether the suspicion is new. */
export function suspect(state: ClusterState, node: ClusterNode): boolean {
  if (hasFlag(node, NODE_FLAG.maybeFailed | NODE_FLAG.failed)) return false;
  node.flags |= NODE_FLAG.maybeFailed;
  needsUpdate(state);
  failIfMajorityAgrees(state, node);
  return true;
}

/** A primary says in its gossip that `node` is down, or that it is not. */
export function recordReport(state: ClusterState, node: ClusterNode, reporter: ClusterNode, isDown: boolean): void {
  if (!isDown) {
    node.failureReports.delete(reporter.id);
    return;
  }
  node.failureReports.set(reporter.id, state.now);
  failIfMajorityAgrees(state, node);
}

/**
 * Reports are renewed with every message of who still means them, so one does not count that is older than what we heard of
 * the node ourselves. Nor does one of a primary that has become a replica since: it takes nothing back any more.
 */
export function countReports(state: ClusterState, node: ClusterNode): number {
  const oldest = Math.max(state.now - state.settings.nodeTimeoutMs * REPORT_VALIDITY_FACTOR, node.dataReceivedAt);
  for (const [id, at] of node.failureReports) {
    const reporter = state.nodes.get(id);
    if (at < oldest || reporter === undefined || !hasVote(reporter)) node.failureReports.delete(id);
  }
  return node.failureReports.size;
}

/** A majority is one of the primaries that own slots. */
function hasVote(node: ClusterNode): boolean {
  return isPrimary(node) && node.slotCount > 0;
}

/** At least one primary that owns slots must exist, and this node must itself be unable to reach the suspect. */
function failIfMajorityAgrees(state: ClusterState, node: ClusterNode): void {
  if (!hasFlag(node, NODE_FLAG.maybeFailed) || isFailed(node)) return;
  const own = hasVote(state.myself) ? 1 : 0;
  if (countReports(state, node) + own < Math.floor(state.size / 2) + 1) return;
  log(state, "notice", `Marking node ${labelOf(node)} as failing (quorum reached)`);
  markFailed(state, node);
  broadcast(state, { type: "fail", nodeId: node.id });
}

export function markFailed(state: ClusterState, node: ClusterNode): void {
  node.flags = (node.flags & ~NODE_FLAG.maybeFailed) | NODE_FLAG.failed;
  node.failedAt = state.now;
  needsUpdate(state);
  needsSave(state);
  state.pending.election = true;
}

/** The node answered. A primary whose slots nobody took within two timeouts may go on; the others may at once. */
export function liftFailure(state: ClusterState, node: ClusterNode): void {
  if (hasFlag(node, NODE_FLAG.maybeFailed)) {
    node.flags &= ~NODE_FLAG.maybeFailed;
    needsUpdate(state);
    return;
  }
  if (!isFailed(node)) return;
  const ownsSlots = isPrimary(node) && node.slotCount > 0;
  if (ownsSlots && state.now - node.failedAt <= state.settings.nodeTimeoutMs * UNDO_TIME_FACTOR) return;
  log(state, "notice", `Clear FAIL state for node ${labelOf(node)}: it is reachable again`);
  node.flags &= ~NODE_FLAG.failed;
  needsUpdate(state);
  needsSave(state);
}
