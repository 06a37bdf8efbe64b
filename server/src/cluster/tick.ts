/**
 * The ten-times-a-second heartbeat: reconnects, pings, suspicion, elections, replica migration. Everybody is pinged within
 * half a timeout, in clusters of up to 25 nodes every half second, so that a node whose machine went silent is suspected
 * soon after the timeout, which counts from the PING. A new suspicion is told to all at once rather than with the next
 * pings. Together that keeps failover within the node timeout and two seconds.
 */

import { type ClusterNode, isInHandshake, isPrimary, isReplica, type Link, labelOf } from "./cluster-node.ts";
import { expireManualFailover } from "./election.ts";
import { suspect } from "./failure.ts";
import { broadcastPong, ownFlags, sendPing } from "./gossip.ts";
import { connectNode, dropLink } from "./reconnect.ts";
import { migrateToOrphan, noteOrphan } from "./replica-migration.ts";
import { tickStartGuard } from "./start-guard.ts";
import { type ClusterState, followPrimary, log, needsSave, needsUpdate, removeNode } from "./state.ts";
import { tickLeftovers } from "./surplus-slots.ts";

export const TICK_MS = 100;
/** Every node is pinged this often at least: fewer would leave no time to find out that a connection hangs. */
const MIN_PINGS_PER_TIMEOUT = 2;
/** But no more often than this, and not more than 50 pings are sent in a second. */
const MIN_PING_PERIOD_MS = 500;
const PING_SPACING_MS = 20;
const TICKS_PER_RANDOM_PING = 10;
const RANDOM_PING_SAMPLE = 5;
const MIN_HANDSHAKE_TIMEOUT_MS = 1000;
/** A connect that has not finished by then is given up, so that the name is looked up again. */
const MIN_CONNECT_TIMEOUT_MS = 1000;

export function tick(state: ClusterState): void {
  state.tickCount++;
  for (const [id, until] of state.banned) if (until <= state.now) state.banned.delete(id);
  followSettings(state);
  tickStartGuard(state);
  expireManualFailover(state);
  for (const node of [...state.nodes.values()]) reconnect(state, node);
  if (state.tickCount % TICKS_PER_RANDOM_PING === 0) pingLongestUnheard(state);
  let hasNewSuspect = false;
  for (const node of state.nodes.values()) if (watch(state, node)) hasNewSuspect = true;
  if (hasNewSuspect && isPrimary(state.myself)) broadcastPong(state, "all");
  tickLeftovers(state);
  if (isReplica(state.myself)) {
    state.pending.election = true;
    leaveReplicaOfReplica(state);
    migrateToOrphan(state);
  }
  needsUpdate(state);
}

/** Others hear it with each message; this node's own view shows it too. */
function followSettings(state: ClusterState): void {
  const { myself } = state;
  const flags = ownFlags(state);
  if (flags === myself.flags) return;
  myself.flags = flags;
  needsSave(state);
}

function reconnect(state: ClusterState, node: ClusterNode): void {
  if (node === state.myself) return;
  const { now, settings } = state;
  const handshakeTimeoutMs = Math.max(settings.nodeTimeoutMs, MIN_HANDSHAKE_TIMEOUT_MS);
  if (isInHandshake(node) && now - node.createdAt > handshakeTimeoutMs) {
    removeNode(state, node);
    return;
  }
  connectNode(state, node);
}

function pingLongestUnheard(state: ClusterState): void {
  const nodes = [...state.nodes.values()];
  let chosen: ClusterNode | undefined;
  for (let i = 0; i < RANDOM_PING_SAMPLE; i++) {
    const node = nodes[state.random.below(nodes.length)] as ClusterNode;
    if (node.link?.isOpen !== true || node.pingSentAt !== 0 || isInHandshake(node) || node === state.myself) continue;
    if (chosen === undefined || node.pongReceivedAt < chosen.pongReceivedAt) chosen = node;
  }
  if (chosen !== undefined) sendPing(state, chosen.link, "ping");
}

/** Pings the node if it is due, gives up links that hang; returns whether the node has become a suspect just now. */
function watch(state: ClusterState, node: ClusterNode): boolean {
  if (node === state.myself) return false;
  const { now, settings } = state;
  const link = node.link;
  if (link !== undefined && !link.isOpen && now - link.createdAt > connectTimeoutMs(settings.nodeTimeoutMs)) {
    dropLink(state, link);
  }
  if (isInHandshake(node)) return false;
  noteOrphan(state, node);
  if (link?.isOpen === true) {
    if (isStuck(state, node, link)) dropLink(state, link);
    else if (node.pingSentAt === 0 && isPingDue(state, node)) sendPing(state, link, "ping");
  }
  if (node.pingSentAt === 0) return false;
  const unansweredMs = Math.min(now - node.pingSentAt, now - node.dataReceivedAt);
  return unansweredMs > settings.nodeTimeoutMs && suspect(state, node);
}

/**
 * An old link on which nothing comes back: perhaps the connection is the problem, not the node. What the node sends on
 * its own connection to us does not count, or a reply lost for ever would leave the node failed for ever.
 */
function isStuck(state: ClusterState, node: ClusterNode, link: Link): boolean {
  const { now, settings } = state;
  const half = settings.nodeTimeoutMs / 2;
  if (node.pingSentAt === 0 || now - link.createdAt <= settings.nodeTimeoutMs) return false;
  return now - node.pingSentAt > half && now - link.receivedAt > half;
}

function isPingDue(state: ClusterState, node: ClusterNode): boolean {
  const { now, settings, manual } = state;
  const affordableMs = Math.max(MIN_PING_PERIOD_MS, state.nodes.size * PING_SPACING_MS);
  const periodMs = Math.min(settings.nodeTimeoutMs / MIN_PINGS_PER_TIMEOUT, affordableMs);
  return now - node.pongReceivedAt > periodMs || (manual.endsAt !== 0 && manual.replica === node);
}

function connectTimeoutMs(nodeTimeoutMs: number): number {
  return Math.max(MIN_CONNECT_TIMEOUT_MS, nodeTimeoutMs / 2);
}

/** My primary has become a replica itself while I was not there to see who took its slots: follow whom it follows. */
function leaveReplicaOfReplica(state: ClusterState): void {
  const upstream = state.myself.primary?.primary;
  if (upstream === undefined || upstream === state.myself || !isPrimary(upstream)) return;
  log(state, "notice", `My primary is a replica now: following its primary ${labelOf(upstream)}`);
  followPrimary(state, upstream, true);
}
