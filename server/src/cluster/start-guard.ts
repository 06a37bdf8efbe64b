/**
 * The rule for nodes that start without data.
 *
 * A primary that starts with slots in nodes.conf, an empty keyspace and replicas HOLDS: it serves nobody, accepts no
 * replica (replication asks `isHolding`, so no replica is wiped by a sync from it), answers no PING and does not vote.
 * To the others it is down, so a replica with the data is elected, whether it is ours or Redis'; the holder hears of
 * that and follows the winner. It ends the hold as primary only when
 *  - every replica it knows of has been heard since the start and none has any data (offset 0), or
 *  - it knows of no replica any more (CLUSTER FORGET), or
 *  - somebody says so: CLUSTER FAILOVER TAKEOVER on it.
 * It sends one PING to each node at the start and then every three node timeouts: enough to spread a new address,
 * too rare to look alive. Where no other primary can vote (a single shard), CLUSTER FAILOVER FORCE on the replica gets
 * the holder's vote.
 *
 * A replica that started empty and has not finished a sync since does not stand for election (election.ts).
 */

import { type ClusterNode, hasFlag, isPrimary, isReplica, NODE_FLAG } from "./cluster-node.ts";
import { sendPing } from "./gossip.ts";
import { connectNode } from "./reconnect.ts";
import { type ClusterState, log, needsUpdate, replicateFromPrimary, stopHolding } from "./state.ts";

const PROBE_FACTOR = 3;

/** Once, after nodes.conf and the data set are loaded: a replica goes on following, a primary serves or holds. */
export function beginLife(state: ClusterState): void {
  const { myself, guard, facts } = state;
  const isEmpty = facts.keyspaceIsEmpty();
  needsUpdate(state);
  if (isReplica(myself)) {
    guard.holdsShardData = !isEmpty;
    replicateFromPrimary(state);
  }
  if (!isEmpty || !isPrimary(myself) || myself.slotCount === 0 || myself.replicas.length === 0) return;
  guard.isHolding = true;
  guard.nextProbeAt = state.now;
  log(state, "warning", `Started with ${myself.slotCount} slots but without data, while this shard has replicas`);
}

/** Runs with each tick on every node. */
export function tickStartGuard(state: ClusterState): void {
  const { myself, guard } = state;
  if (isReplica(myself) && state.facts.primaryLinkUp()) guard.holdsShardData = true;
  if (!guard.isHolding) return;
  if (myself.replicas.every((replica) => guard.replicaOffsets.get(replica.id) === 0)) {
    endHold(state, "no replica of this shard has data");
    return;
  }
  if (state.now < guard.nextProbeAt) return;
  guard.nextProbeAt = state.now + state.settings.nodeTimeoutMs * PROBE_FACTOR;
  log(state, "notice", `Without data: waiting for a replica of ${myself.slotCount} slots to take over`);
  for (const node of state.nodes.values()) {
    if (node === myself || hasFlag(node, NODE_FLAG.handshake)) continue;
    if (node.link?.isOpen === true) sendPing(state, node.link, "ping");
    else connectNode(state, node);
  }
}

export function noteReplicaOffset(state: ClusterState, sender: ClusterNode): void {
  const { guard, myself } = state;
  if (guard.isHolding && sender.primary === myself) guard.replicaOffsets.set(sender.id, sender.offset);
}

export function endHold(state: ClusterState, reason: string): void {
  stopHolding(state);
  state.guard.holdsShardData = true;
  log(state, "warning", `Serving an empty data set: ${reason}`);
}
