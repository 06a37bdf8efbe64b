/**
 * The end of every step of the state machine: recomputes whether the cluster is up as seen from here, and hands out
 * the effects, with a save that must be durable in front of everything that relies on it.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { type ClusterNode, isFailed, isPrimary, isSuspected } from "./cluster-node.ts";
import { runElection } from "./election.ts";
import { type ClusterState, type Effect, isWaitingForData, log } from "./state.ts";

/** After a start a primary waits this long before it accepts writes, so that news of a failover can reach it first. */
const WRITABLE_DELAY_MS = 2000;
const MIN_REJOIN_DELAY_MS = 500;
const MAX_REJOIN_DELAY_MS = 5000;

export function settle(state: ClusterState): Effect[] {
  const { pending } = state;
  if (pending.election) {
    pending.election = false;
    runElection(state);
  }
  if (pending.update) {
    pending.update = false;
    updateAvailability(state);
  }
  const effects = state.outbox;
  state.outbox = [];
  if (pending.save) effects.unshift({ kind: "save", isDurable: pending.durable });
  pending.save = false;
  pending.durable = false;
  return effects;
}

/**
 * Up = this node may act, every slot is served (where that is required), and a majority of primaries is reachable. One
 * that has not answered for a node timeout does not count, even if a later PING of ours has not been out for as long: the
 * others have no reason to suspect this node before a timeout after the last they heard of it and need half a second for an
 * election, so it has stopped when its replica begins. After a start only those count that have been heard.
 */
function updateAvailability(state: ClusterState): void {
  const { myself, settings, now } = state;
  let primaries = 0;
  let reachable = 0;
  let unheard = 0;
  for (const node of state.nodes.values()) {
    if (!isPrimary(node) || node.slotCount === 0) continue;
    primaries++;
    if (isSuspected(node)) continue;
    if (isHeard(state, node)) reachable++;
    else if (node.dataReceivedAt === 0) unheard++;
  }
  state.size = primaries;
  const majority = Math.floor(primaries / 2) + 1;
  const hasMajority = reachable >= majority;
  if (reachable + unheard < majority) state.inMinorityAt = now;
  else if (!hasMajority) state.unheardAt = now;
  const isOk = hasMajority && !isWaitingForData(state) && (!settings.requireFullCoverage || isCovered(state));
  if (isOk === state.isOk) return;
  if (isOk && isPrimary(myself)) {
    const rejoinDelayMs = Math.min(Math.max(settings.nodeTimeoutMs, MIN_REJOIN_DELAY_MS), MAX_REJOIN_DELAY_MS);
    if (now - state.startedAt < WRITABLE_DELAY_MS || now - state.unheardAt < MIN_REJOIN_DELAY_MS) return;
    if (now - state.inMinorityAt < rejoinDelayMs) return;
  }
  state.isOk = isOk;
  log(state, "notice", `Cluster state changed: ${isOk ? "ok" : "fail"}`);
}

/**
 * It has answered this node, or others that it hears. What comes from it unasked does not count: where only one direction
 * works, it may take this node for dead. Nor does when an answer comes, but when it was asked for: who has stood still finds
 * answers that have waited, and others have been elected meanwhile.
 */
function isHeard(state: ClusterState, node: ClusterNode): boolean {
  if (node === state.myself) return true;
  return node.dataReceivedAt > 0 && state.now - node.reachedAt <= state.settings.nodeTimeoutMs;
}

function isCovered(state: ClusterState): boolean {
  if (state.table.assignedCount < SLOT_COUNT) return false;
  for (const node of state.nodes.values()) if (node.slotCount > 0 && isFailed(node)) return false;
  return true;
}
