/**
 * Building and sending messages: the header that speaks for this node, and the gossip sections about a few others.
 * Every message that leaves goes through `send`, which is also where a holding node (start-guard.ts) keeps its answers back.
 */

import { announcedBusPort, announcedPlainPort, announcedPort } from "./announced-ports.ts";
import {
  type BusBody,
  type BusHeader,
  type BusMessage,
  type GossipEntry,
  MESSAGE_FLAG,
  type PingExtension,
} from "./bus-message.ts";
import { encodeBusMessage } from "./bus-message-encode.ts";
import { externalOf } from "./client-address.ts";
import {
  type ClusterNode,
  hasFlag,
  isInHandshake,
  isPrimary,
  isReplica,
  type Link,
  NODE_FLAG,
} from "./cluster-node.ts";
import type { ClusterState } from "./state.ts";

const MIN_GOSSIP = 3;
/** Gossip about a tenth of the cluster: within two timeouts each node then hears of each failure from most others. */
const GOSSIP_SHARE = 10;
/** A node that has answered this many offers without extensions of its own does not know them. */
const MAX_EXTENSION_OFFERS = 3;
const MAX_FORGOTTEN = 16;

export function send(state: ClusterState, link: Link | undefined, body: BusBody, flags = 0): void {
  if (link === undefined || !link.isOpen || !mayLeave(state, body)) return;
  deliver(state, link, body, encodeBusMessage({ header: buildHeader(state, flags), body }));
}

/** Sends one message to every node there is a link to. */
export function broadcast(state: ClusterState, body: BusBody, flags = 0): void {
  sendToAll(state, state.nodes.values(), body, flags);
}

export function sendToAll(state: ClusterState, nodes: Iterable<ClusterNode>, body: BusBody, flags = 0): void {
  if (!mayLeave(state, body)) return;
  const message: BusMessage = { header: buildHeader(state, flags), body };
  let bytes: Buffer | undefined;
  for (const node of nodes) {
    if (node.link === undefined || !node.link.isOpen || hasFlag(node, NODE_FLAG.myself | NODE_FLAG.handshake)) continue;
    bytes ??= encodeBusMessage(message);
    deliver(state, node.link, body, bytes);
  }
}

/** An answer to a PING would make a holding node count as alive again. */
function mayLeave(state: ClusterState, body: BusBody): boolean {
  return !state.guard.isHolding || body.type !== "pong";
}

function deliver(state: ClusterState, link: Link, body: BusBody, bytes: Buffer): void {
  state.sent.set(body.type, (state.sent.get(body.type) ?? 0) + 1);
  state.outbox.push({ kind: "send", link: link.id, bytes });
}

export function sendPing(state: ClusterState, link: Link | undefined, type: "ping" | "pong" | "meet"): void {
  if (link === undefined || !link.isOpen) return;
  if (!link.isInbound && link.node !== undefined && type === "ping") link.node.pingSentAt = state.now;
  if (type !== "pong") link.askedAt = state.now;
  const extensions = buildExtensions(state, link.node);
  send(state, link, { type, gossip: buildGossip(state, link.node), extensions }, MESSAGE_FLAG.extensions);
}

/** Tells all nodes, or only those of this shard, what changed here without waiting for the next round. */
export function broadcastPong(state: ClusterState, scope: "all" | "shard"): void {
  const primary = state.myself.primary ?? state.myself;
  for (const node of state.nodes.values()) {
    if (node === state.myself || isInHandshake(node)) continue;
    if (scope === "shard" && node !== primary && node.primary !== primary) continue;
    sendPing(state, node.link, "pong");
  }
}

function buildHeader(state: ClusterState, flags: number): BusHeader {
  const { myself, settings } = state;
  const primary = myself.primary ?? myself;
  const isPausing = isPrimary(myself) && state.manual.endsAt !== 0;
  return {
    port: announcedPort(state),
    plainPort: announcedPlainPort(state),
    busPort: announcedBusPort(state),
    currentEpoch: state.currentEpoch,
    configEpoch: primary.configEpoch,
    offset: announcedOffset(state),
    sender: myself.id,
    slots: primary.slots,
    primaryId: myself.primary?.id ?? "",
    ip: settings.announceIp,
    flags: ownFlags(state),
    isClusterDown: !state.isOk,
    messageFlags: flags | (isPausing ? MESSAGE_FLAG.paused : 0),
  };
}

/** For a replica, 0 says exactly that it has no data to take over with: primaries without theirs rely on it. */
export function announcedOffset(state: ClusterState): number {
  const offset = Math.max(0, state.facts.replicationOffset());
  if (!isReplica(state.myself)) return offset;
  if (!state.facts.hasWholeCopy()) return 0;
  return state.guard.holdsShardData ? Math.max(1, offset) : 0;
}

/** What the settings say of this node stands in its flags. */
export function ownFlags(state: ClusterState): number {
  const flags = state.myself.flags & ~NODE_FLAG.noFailover;
  return state.settings.replicaNoFailover ? flags | NODE_FLAG.noFailover : flags;
}

/** A random few healthy nodes, and every node under suspicion, so that reports reach the majority in time. */
function buildGossip(state: ClusterState, receiver: ClusterNode | undefined): GossipEntry[] {
  const others = [...state.nodes.values()].filter(
    (node) => node !== state.myself && node !== receiver && !isInHandshake(node) && !hasFlag(node, NODE_FLAG.noAddress),
  );
  const suspected = others.filter((node) => hasFlag(node, NODE_FLAG.maybeFailed));
  const candidates = others.filter(
    (node) => !hasFlag(node, NODE_FLAG.maybeFailed) && (node.link !== undefined || node.slotCount > 0),
  );
  const wanted = Math.max(MIN_GOSSIP, Math.floor(state.nodes.size / GOSSIP_SHARE));
  const entries: GossipEntry[] = [];
  while (entries.length < wanted && candidates.length > 0) {
    const [picked] = candidates.splice(state.random.below(candidates.length), 1);
    if (picked !== undefined) entries.push(toGossip(picked));
  }
  for (const node of suspected) entries.push(toGossip(node));
  return entries;
}

function toGossip(node: ClusterNode): GossipEntry {
  return {
    id: node.id,
    pingSentSeconds: Math.floor(node.pingSentAt / 1000),
    pongReceivedSeconds: Math.floor(node.pongReceivedAt / 1000),
    ip: node.ip,
    port: node.port,
    plainPort: node.plainPort,
    busPort: node.busPort,
    flags: node.flags,
  };
}

/** Redis 7.0 knows the hostname only and logs each of the others, so these go to peers that are seen to use them. */
function buildExtensions(state: ClusterState, receiver: ClusterNode | undefined): PingExtension[] {
  const extensions: PingExtension[] = [];
  const hostname = state.settings.announceHostname;
  if (hostname !== "") extensions.push({ type: "hostname", hostname });
  if (receiver === undefined || isInHandshake(receiver) || !receiver.flagsExtensions) return extensions;
  if (!receiver.knowsExtensions && receiver.extensionOffers++ >= MAX_EXTENSION_OFFERS) return extensions;
  for (const [nodeId, until] of state.banned) {
    // Rounded down: seen from the other end it must not have been forgotten later than it was.
    const ttlSeconds = Math.floor((until - state.now) / 1000);
    if (ttlSeconds <= 0 || extensions.length > MAX_FORGOTTEN) continue;
    extensions.push({ type: "forgottenNode", nodeId, ttlSeconds });
  }
  const name = state.settings.announceNodeName;
  if (name !== "") extensions.push({ type: "nodeName", name });
  extensions.push({ type: "shardId", shardId: state.myself.shardId });
  const external = externalOf(state, state.myself);
  if (external !== undefined) extensions.push({ type: "external", ...external });
  return extensions;
}
