/**
 * The rule for nodes that start without data.
 *
 * A primary that starts with slots in nodes.conf and an empty keyspace, while other nodes may have the shard's data,
 * HOLDS. Such nodes are its replicas, and those that own nothing and follow nobody who does: it may have replaced one of
 * them shortly before it went down, out of its sight. A holder serves nobody, accepts no
 * replica (replication asks `mayBeSyncedFrom`, so no replica is wiped by a sync from it), answers no PING, and, once
 * it has heard of a replica with data, tells every node that it has failed itself. So that replica is elected at once,
 * ours or Redis', without waiting for the node timeout. The holder keeps voting, for that replica too: where several primaries lost their data there
 * is still a majority. It follows whoever wins its slots. It ends the hold as primary only when
 *  - every such node has been heard since the start and none has any data (offset 0), or
 *  - it knows of none any more (CLUSTER FORGET), or
 *  - somebody says so: CLUSTER FAILOVER TAKEOVER on it.
 *
 * A replica that started empty and has not finished a sync since does not stand for election (election.ts) and
 * announces the offset 0 (gossip.ts).
 */

import { type ClusterNode, isInHandshake, isPrimary, isReplica } from "./cluster-node.ts";
import { broadcast } from "./gossip.ts";
import { type ClusterState, hasSuccessor, log, needsUpdate, replicateFromPrimary, stopHolding } from "./state.ts";
import { dropSurplus } from "./surplus-slots.ts";

/** Once, after nodes.conf and the data set are loaded: a replica goes on following, a primary serves or holds. */
export function beginLife(state: ClusterState): void {
  const { myself, guard, facts } = state;
  const isEmpty = facts.keyspaceIsEmpty();
  needsUpdate(state);
  if (isReplica(myself)) {
    guard.holdsShardData = !isEmpty;
    replicateFromPrimary(state);
  } else dropSurplus(state);
  if (!isEmpty || !isPrimary(myself) || myself.slotCount === 0 || possibleHolders(state).length === 0) return;
  guard.isHolding = true;
  guard.nextNoticeAt = state.now;
  log(state, "warning", `Started with ${myself.slotCount} slots but without data, which other nodes may have`);
}

/** Runs with each tick on every node. */
export function tickStartGuard(state: ClusterState): void {
  const { myself, guard } = state;
  if (isReplica(myself) && state.facts.primaryLinkUp()) guard.holdsShardData = true;
  if (!guard.isHolding) return;
  if (possibleHolders(state).every((node) => guard.offsets.get(node.id) === 0)) {
    endHold(state, "no other node has data of this shard");
    return;
  }
  if (state.now < guard.nextNoticeAt) return;
  guard.nextNoticeAt = state.now + state.settings.nodeTimeoutMs;
  log(state, "notice", `Without data: waiting for a replica to take over ${myself.slotCount} slots`);
  if (hasSuccessor(state)) broadcast(state, { type: "fail", nodeId: myself.id });
}

export function noteOffset(state: ClusterState, sender: ClusterNode): void {
  const { guard, myself } = state;
  if (!guard.isHolding) return;
  const hadSuccessor = hasSuccessor(state);
  guard.offsets.set(sender.id, sender.offset);
  if (!hadSuccessor && hasSuccessor(state)) broadcast(state, { type: "fail", nodeId: myself.id });
}

/** Nodes whose data may be that of this shard. */
function possibleHolders(state: ClusterState): ClusterNode[] {
  const { myself } = state;
  return [...state.nodes.values()].filter((node) => {
    if (node === myself || isInHandshake(node)) return false;
    return node.primary === myself || (node.primary ?? node).slotCount === 0;
  });
}

export function endHold(state: ClusterState, reason: string): void {
  stopHolding(state);
  state.guard.holdsShardData = true;
  log(state, "warning", `Serving an empty data set: ${reason}`);
}
