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
 * The same goes for a primary that comes back with an older snapshot, before anybody has replaced it: copied by its replica,
 * which has more, it would take back what that has acknowledged. If it knows how old its data is (the offset that stands in
 * the file), it serves nobody and is not copied until it has heard all its replicas that are not known to be down, for a
 * node timeout at most, and holds if one of them is ahead. That hold ends when no such replica is left: then its data is
 * the best there is.
 *
 * A replica that started empty and has not finished a sync since does not stand for election (election.ts) and
 * announces the offset 0 (gossip.ts).
 */

import { type ClusterNode, isFailed, isInHandshake, isPrimary, isReplica } from "./cluster-node.ts";
import { broadcast } from "./gossip.ts";
import {
  type ClusterState,
  hasSuccessor,
  isWaitingForData,
  log,
  needsUpdate,
  replicateFromPrimary,
  stopHolding,
} from "./state.ts";
import { dropSurplus } from "./surplus-slots.ts";

/** For replicas to connect; a primary does not serve before anyway. */
const MIN_CHECK_MS = 2000;

/** Once, after nodes.conf and the data set are loaded: a replica goes on following, a primary serves or holds. */
export function beginLife(state: ClusterState): void {
  const { myself, guard, facts } = state;
  const isEmpty = facts.keyspaceIsEmpty();
  needsUpdate(state);
  if (isReplica(myself)) {
    guard.holdsShardData = !isEmpty;
    replicateFromPrimary(state);
  } else dropSurplus(state);
  if (!isPrimary(myself) || myself.slotCount === 0) return;
  if (!isEmpty) {
    beginCheck(state);
    return;
  }
  if (possibleHolders(state).length === 0) return;
  guard.isHolding = true;
  guard.nextNoticeAt = state.now;
  log(state, "warning", `Started with ${myself.slotCount} slots but without data, which other nodes may have`);
}

function beginCheck(state: ClusterState): void {
  const { myself, guard, facts, settings } = state;
  guard.ownOffset = facts.replicationOffset();
  if (guard.ownOffset === 0 || myself.replicas.every(isFailed)) return;
  guard.checksUntil = state.now + Math.max(settings.nodeTimeoutMs, MIN_CHECK_MS);
}

/** Runs with each tick on every node. */
export function tickStartGuard(state: ClusterState): void {
  const { myself, guard } = state;
  if (isReplica(myself) && state.facts.primaryLinkUp()) guard.holdsShardData = true;
  if (guard.checksUntil > 0) {
    const areAllHeard = myself.replicas.every((replica) => isFailed(replica) || guard.offsets.has(replica.id));
    if (areAllHeard || state.now >= guard.checksUntil) guard.checksUntil = 0;
  }
  if (!guard.isHolding) return;
  const reason = reasonToServe(state);
  if (reason !== undefined) {
    endHold(state, reason);
    return;
  }
  giveUp(state);
  if (state.now < guard.nextNoticeAt) return;
  guard.nextNoticeAt = state.now + state.settings.nodeTimeoutMs;
  log(state, "notice", `Without the newest data: waiting for a replica to take over ${myself.slotCount} slots`);
  if (hasSuccessor(state)) broadcast(state, { type: "fail", nodeId: myself.id });
}

function reasonToServe(state: ClusterState): string | undefined {
  const { guard } = state;
  if (guard.ownOffset > 0) return hasSuccessor(state) ? undefined : "no replica with newer data is left";
  const isSurelyEmpty = (node: ClusterNode): boolean => guard.offsets.get(node.id) === 0;
  return possibleHolders(state).every(isSurelyEmpty) ? "no other node has data of this shard" : undefined;
}

/** `follows`: it says that it follows this node. */
export function noteOffset(state: ClusterState, sender: ClusterNode, follows: boolean): void {
  const { guard } = state;
  if (!isWaitingForData(state)) return;
  guard.offsets.set(sender.id, sender.offset);
  if (guard.checksUntil > 0 && follows && sender.offset > guard.ownOffset) {
    guard.checksUntil = 0;
    guard.isHolding = true;
    guard.nextNoticeAt = state.now + state.settings.nodeTimeoutMs;
    needsUpdate(state);
    log(state, "warning", `Started with data up to ${guard.ownOffset}, but ${sender.id} has it up to ${sender.offset}`);
  }
  giveUp(state);
}

/** Tells all, once, that they are to do without this node. It may hear of a replica's data before it hears whose it is. */
function giveUp(state: ClusterState): void {
  const { guard, myself } = state;
  if (guard.hasGivenUp || !hasSuccessor(state)) return;
  guard.hasGivenUp = true;
  broadcast(state, { type: "fail", nodeId: myself.id });
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
  log(state, "warning", `Serving ${state.guard.ownOffset > 0 ? "older data" : "an empty data set"}: ${reason}`);
}
