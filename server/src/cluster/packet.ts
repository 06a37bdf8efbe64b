/**
 * What a received message does to the state. `sender` is the known node that sent it, or undefined: strangers may
 * only PING and MEET, everything else of theirs is ignored.
 */

import { type BusHeader, type BusMessage, type GossipEntry, MESSAGE_FLAG, type PingExtension } from "./bus-message.ts";
import {
  areOfOneShard,
  type ClusterNode,
  createNode,
  GOSSIPED_FLAGS,
  hasFlag,
  isFailed,
  isInHandshake,
  isPrimary,
  isReplica,
  isSuspected,
  type Link,
  labelOf,
  NODE_FLAG,
} from "./cluster-node.ts";
import { noteClaims } from "./disowned-slots.ts";
import { acceptManualFailover, answerVoteRequest, noteManualOffset, receiveVote } from "./election.ts";
import { liftFailure, markFailed, recordReport } from "./failure.ts";
import { sendPing } from "./gossip.ts";
import { moveNode, type NodeAddress } from "./reconnect.ts";
import { slotsOf } from "./slot-bitmap.ts";
import { applyClaim, claimsDiffer, correctStaleClaim, followOwnShard, resolveEpochCollision } from "./slot-claims.ts";
import { noteOffset } from "./start-guard.ts";
import {
  addNode,
  attachToPrimary,
  type ClusterState,
  closeLink,
  closeNodeLink,
  FORGET_BAN_MS,
  log,
  needsSave,
  needsUpdate,
  removeNode,
  renameNode,
  turnIntoPrimary,
} from "./state.ts";

/** Clocks of nodes may differ by this much before a gossiped time counts as one from the future. */
const CLOCK_SKEW_MS = 500;

type PingBody = Extract<BusMessage["body"], { readonly type: "ping" | "pong" | "meet" }>;

export function receivePacket(state: ClusterState, link: Link, message: BusMessage): void {
  const { header, body } = message;
  state.received.set(body.type, (state.received.get(body.type) ?? 0) + 1);
  link.receivedAt = state.now;
  const sender = senderOf(state, link, header);
  const isOutdated = sender !== undefined && header.currentEpoch < sender.spokenEpoch;
  if (sender !== undefined) noteSender(state, sender, link, header);
  if (sender !== undefined && !isOutdated && header.primaryId === "") noteClaims(state, sender, header.slots);
  switch (body.type) {
    case "ping":
    case "pong":
    case "meet":
      receivePing(state, { link, header, body, sender, isOutdated });
      return;
    case "ignored":
      return;
  }
  if (sender === undefined) return;
  switch (body.type) {
    case "fail":
      receiveFail(state, sender, body.nodeId);
      return;
    case "publish":
    case "publishShard": {
      const { channel, message: text } = body;
      state.outbox.push({ kind: "publish", channel, message: text, isSharded: body.type === "publishShard" });
      return;
    }
    case "authRequest": {
      const { currentEpoch, configEpoch, slots } = header;
      const isForced = (header.messageFlags & MESSAGE_FLAG.forceAck) !== 0;
      answerVoteRequest(state, { candidate: sender, currentEpoch, configEpoch, slots, isForced });
      return;
    }
    case "authAck":
      receiveVote(state, sender, header.currentEpoch);
      return;
    case "manualFailoverStart":
      acceptManualFailover(state, sender);
      return;
    case "update":
      receiveUpdate(state, body.nodeId, body.configEpoch, body.slots);
      return;
  }
}

function senderOf(state: ClusterState, link: Link, header: BusHeader): ClusterNode | undefined {
  if (!link.isInbound && link.node !== undefined && !isInHandshake(link.node)) return link.node;
  const node = state.nodes.get(header.sender);
  return node === state.myself ? undefined : node;
}

/** Epochs, offset and sign of life, from any message of a known node. */
function noteSender(state: ClusterState, sender: ClusterNode, link: Link, header: BusHeader): void {
  if (isInHandshake(sender)) return;
  if (link.isInbound) link.node = sender;
  else if (sender.id !== header.sender) return;
  sender.dataReceivedAt = state.now;
  sender.spokenEpoch = Math.max(sender.spokenEpoch, header.currentEpoch);
  if (header.currentEpoch > state.currentEpoch) {
    state.currentEpoch = header.currentEpoch;
    needsSave(state);
  }
  // A replica says its primary's. Taken for its own before it is known to be one, what it had owned would win from others.
  if (header.primaryId === "" && header.configEpoch > sender.configEpoch) {
    sender.configEpoch = header.configEpoch;
    needsSave(state);
  }
  sender.offset = header.offset;
  noteOffset(state, sender, header.primaryId === state.myself.id);
  noteManualOffset(state, sender, header.offset, (header.messageFlags & MESSAGE_FLAG.paused) !== 0);
}

interface PingPacket {
  readonly link: Link;
  readonly header: BusHeader;
  readonly body: PingBody;
  readonly sender: ClusterNode | undefined;
  /**
   * Said before something newer that has come already: in a partition messages wait in connections, which may deliver them
   * seconds after it, even those that their sender has closed. Roles and slots in them are history.
   */
  readonly isOutdated: boolean;
}

function receivePing(state: ClusterState, packet: PingPacket): void {
  const { link, header, body } = packet;
  if (header.sender === state.myself.id) {
    log(state, "warning", "Dropped a bus connection that leads back to this node");
    if (link.node !== undefined && isInHandshake(link.node)) removeNode(state, link.node);
    closeLink(state, link);
    return;
  }
  if (body.type !== "pong") {
    noteOwnAddress(state, link, body.type === "meet");
    if (packet.sender === undefined && body.type === "meet") acceptMeet(state, link, header, body.gossip);
    sendPing(state, link, "pong");
  }
  const sender = settleIdentity(state, packet);
  if (sender === undefined || isInHandshake(sender)) return;
  if (body.type === "ping" && !packet.isOutdated) updateAddress(state, sender, link, header);
  if (!link.isInbound && body.type === "pong") {
    sender.pongReceivedAt = state.now;
    sender.reachedAt = Math.max(sender.reachedAt, link.askedAt);
    sender.pingSentAt = 0;
    liftFailure(state, sender);
  }
  if (packet.isOutdated || isBeforeElection(state, sender, header)) return;
  noteRole(state, sender, header);
  noteSlots(state, sender, link, header);
  resolveEpochCollision(state, sender, header.configEpoch);
  receiveGossip(state, sender, body.gossip);
  receiveExtensions(state, sender, header, body.extensions);
  followOwnShard(state, sender);
}

/** Takes part of the packet only if the node at the other end is who we think; finishes handshakes. */
function settleIdentity(state: ClusterState, { link, header, sender }: PingPacket): ClusterNode | undefined {
  const node = link.node;
  if (link.isInbound || node === undefined) return sender;
  if (!isInHandshake(node)) {
    if (node.id === header.sender) return sender;
    log(state, "notice", `Node ${labelOf(node)} is not at ${node.ip}:${node.port} any more: ${header.sender} is`);
    node.flags |= NODE_FLAG.noAddress;
    closeNodeLink(state, node);
    needsSave(state);
    return undefined;
  }
  const known = state.nodes.get(header.sender);
  if (known !== undefined) {
    const address = addressOf(link, header);
    removeNode(state, node);
    if (isMoved(known, address)) moveNode(state, known, address);
    return undefined;
  }
  renameNode(state, node, header.sender);
  // Whoever sent it here, or us there, wants it in the cluster, even if it was forgotten a moment ago.
  state.banned.delete(node.id);
  node.metAt = state.now;
  node.flags &= ~(NODE_FLAG.handshake | NODE_FLAG.meet);
  node.flags |= header.flags & (NODE_FLAG.primary | NODE_FLAG.replica);
  needsUpdate(state);
  log(state, "notice", `Handshake with node ${node.id} completed`);
  return node;
}

function noteOwnAddress(state: ClusterState, link: Link, isMeet: boolean): void {
  const { myself } = state;
  if (state.settings.announceIp !== "" || link.localIp === "") return;
  if (!isMeet && myself.ip !== "" && !state.isMyAddressStale) return;
  state.isMyAddressStale = false;
  if (myself.ip === link.localIp) return;
  myself.ip = link.localIp;
  log(state, "notice", `IP address for this node updated to ${myself.ip}`);
  needsSave(state);
}

/** A stranger that an administrator sent here: ask it back, and trust what it knows. */
function acceptMeet(state: ClusterState, link: Link, header: BusHeader, gossip: readonly GossipEntry[]): void {
  const id = state.random.hex(40);
  const address = addressOf(link, header);
  if (!addNode(state, createNode({ id, flags: NODE_FLAG.handshake, now: state.now, ...address }))) return;
  for (const entry of gossip) learnNode(state, entry);
}

function addressOf(link: Link, { ip, port, plainPort, busPort }: BusHeader): NodeAddress {
  return { ip: ip || link.remoteIp, port, plainPort, busPort };
}

function isMoved(node: ClusterNode, address: NodeAddress): boolean {
  return node.ip !== address.ip || node.port !== address.port || node.busPort !== address.busPort;
}

function updateAddress(state: ClusterState, sender: ClusterNode, link: Link, header: BusHeader): void {
  // Only clients need it, so it is in no file and no reason to connect anew.
  sender.plainPort = header.plainPort;
  if (!link.isInbound) return;
  const address = addressOf(link, header);
  if (!isMoved(sender, address)) return;
  log(state, "notice", `Address updated for node ${labelOf(sender)}: ${address.ip}:${address.port}`);
  moveNode(state, sender, address);
  needsUpdate(state);
}

/**
 * A primary speaks as a replica of its own shard, with an older epoch than that it has its slots by: it said so before it was
 * elected. Messages pass each other on two connections, and candidates speak with the epoch they stand for already.
 */
function isBeforeElection(state: ClusterState, sender: ClusterNode, header: BusHeader): boolean {
  const primary = state.nodes.get(header.primaryId);
  const isOlder = header.configEpoch < sender.configEpoch && sender.slotCount > 0;
  if (!isOlder || !isPrimary(sender) || primary === undefined) return false;
  return primary.primary === sender || areOfOneShard(sender, primary);
}

function noteRole(state: ClusterState, sender: ClusterNode, header: BusHeader): void {
  const noFailover = header.flags & NODE_FLAG.noFailover;
  sender.flags = (sender.flags & ~NODE_FLAG.noFailover) | noFailover;
  if (header.primaryId === "") {
    turnIntoPrimary(state, sender);
    return;
  }
  const primary = state.nodes.get(header.primaryId);
  if (isPrimary(sender)) {
    passSlotsOn(state, sender, primary, header);
    sender.flags = (sender.flags & ~(NODE_FLAG.primary | NODE_FLAG.migrateTo)) | NODE_FLAG.replica;
    needsSave(state);
    needsUpdate(state);
  }
  if (primary === undefined || primary === sender || sender.primary === primary) return;
  attachToPrimary(sender, primary);
  needsSave(state);
}

/**
 * A primary is a replica now, and says what its primary owns. What of that it had itself has gone there, whether we have heard so
 * or not: were that primary lost before we do, nobody here would know whose the slots are, and none of the shard could ask to be
 * elected for them. That both are of one shard is not asked: after a start we do not know, before each has been heard.
 */
function passSlotsOn(
  state: ClusterState,
  sender: ClusterNode,
  primary: ClusterNode | undefined,
  header: BusHeader,
): void {
  const isSuccessor =
    primary !== undefined && primary !== state.myself && primary !== sender && header.configEpoch >= sender.configEpoch;
  if (isSuccessor && sender.slotCount > 0) {
    turnIntoPrimary(state, primary);
    if (header.configEpoch > primary.configEpoch) {
      primary.configEpoch = header.configEpoch;
      noteClaims(state, primary, header.slots);
    }
    for (const slot of slotsOf(header.slots)) {
      if (state.table.ownerOf(slot) === sender) state.table.assign(slot, primary);
    }
  }
  state.table.removeAll(sender);
}

function noteSlots(state: ClusterState, sender: ClusterNode, link: Link, header: BusHeader): void {
  if (!claimsDiffer(sender, header.slots)) return;
  if (isPrimary(sender)) applyClaim(state, sender, header.configEpoch, header.slots);
  correctStaleClaim(state, sender, header, link);
}

function receiveGossip(state: ClusterState, sender: ClusterNode, gossip: readonly GossipEntry[]): void {
  for (const entry of gossip) {
    const node = state.nodes.get(entry.id);
    if (node === undefined) learnNode(state, entry);
    else if (node !== state.myself) weighGossip(state, sender, node, entry);
  }
}

function weighGossip(state: ClusterState, sender: ClusterNode, node: ClusterNode, entry: GossipEntry): void {
  const isReportedDown = (entry.flags & (NODE_FLAG.failed | NODE_FLAG.maybeFailed)) !== 0;
  if (isPrimary(sender) && node !== sender) recordReport(state, node, sender, isReportedDown);
  if (isReportedDown) return;
  const pongAt = entry.pongReceivedSeconds * 1000;
  const isPlausible = pongAt <= state.now + CLOCK_SKEW_MS && pongAt > node.pongReceivedAt;
  if (!isSuspected(node) && node.pingSentAt === 0 && node.failureReports.size === 0 && isPlausible) {
    node.pongReceivedAt = pongAt;
    node.reachedAt = Math.max(node.reachedAt, pongAt);
  }
  if (!isSuspected(node) && !hasFlag(node, NODE_FLAG.noAddress)) return;
  if ((entry.flags & NODE_FLAG.noAddress) !== 0 || entry.ip === "" || !isMoved(node, entry)) return;
  moveNode(state, node, entry);
}

/** Gossip of a trusted node names one we do not know: take it in, unless it was forgotten a moment ago. */
function learnNode(state: ClusterState, entry: GossipEntry): void {
  if ((entry.flags & (NODE_FLAG.noAddress | NODE_FLAG.handshake)) !== 0 || entry.ip === "") return;
  if ((state.banned.get(entry.id) ?? 0) > state.now || state.nodes.has(entry.id)) return;
  const { id, ip, port, plainPort, busPort } = entry;
  const flags = entry.flags & GOSSIPED_FLAGS;
  if (addNode(state, createNode({ id, ip, port, plainPort, busPort, flags, now: state.now }))) needsSave(state);
}

function receiveExtensions(
  state: ClusterState,
  sender: ClusterNode,
  header: BusHeader,
  extensions: readonly PingExtension[],
): void {
  let [hostname, nodeName, externalHost, externalPort] = ["", "", "", 0];
  sender.flagsExtensions = (header.messageFlags & MESSAGE_FLAG.extensions) !== 0;
  // Redis 7.0, which knows the hostname only, sets the flag only where one follows.
  if (sender.flagsExtensions && extensions.length === 0) sender.knowsExtensions = true;
  for (const extension of extensions) {
    if (extension.type === "hostname") hostname = extension.hostname;
    else sender.knowsExtensions = true;
    if (extension.type === "nodeName") nodeName = extension.name;
    if (extension.type === "shardId" && sender.shardId !== extension.shardId) {
      sender.shardId = extension.shardId;
      if (sender === state.myself.primary) state.myself.shardId = sender.shardId;
      needsSave(state);
    }
    if (extension.type === "external") [externalHost, externalPort] = [extension.host, extension.port];
    if (extension.type === "forgottenNode") forgetToo(state, extension.nodeId, extension.ttlSeconds);
  }
  // Whoever does not know yet that we know more says the hostname only.
  const isComplete = extensions.some(({ type }) => type === "shardId");
  if (!isComplete) ({ externalHost, externalPort } = sender);
  const told = { hostname, nodeName, externalHost, externalPort };
  if (isSame(told, sender)) return;
  Object.assign(sender, told);
  needsSave(state);
}

type Names = Pick<ClusterNode, "hostname" | "nodeName" | "externalHost" | "externalPort">;

function isSame(told: Names, known: Names): boolean {
  const isNamed = told.hostname === known.hostname && told.nodeName === known.nodeName;
  return isNamed && told.externalHost === known.externalHost && told.externalPort === known.externalPort;
}

function forgetToo(state: ClusterState, nodeId: string, ttlSeconds: number): void {
  const node = state.nodes.get(nodeId);
  if (node === undefined || node === state.myself || node === state.myself.primary || ttlSeconds === 0) return;
  const bannedUntil = state.now + ttlSeconds * 1000;
  // Met again after it was forgotten; the other has not heard of that.
  if (node.metAt > bannedUntil - FORGET_BAN_MS) return;
  state.banned.set(nodeId, bannedUntil);
  removeNode(state, node);
}

function receiveFail(state: ClusterState, sender: ClusterNode, nodeId: string): void {
  const node = state.nodes.get(nodeId);
  if (node === undefined || node === state.myself || isFailed(node)) return;
  log(state, "notice", `FAIL message received from ${labelOf(sender)} about ${labelOf(node)}`);
  markFailed(state, node);
}

/** Somebody tells us that slots we (or others) claim have a newer owner. */
function receiveUpdate(state: ClusterState, nodeId: string, epoch: number, slots: Uint8Array): void {
  const node = state.nodes.get(nodeId);
  if (node === undefined || node.configEpoch >= epoch) return;
  if (isReplica(node)) turnIntoPrimary(state, node);
  node.configEpoch = epoch;
  needsSave(state);
  noteClaims(state, node, slots);
  applyClaim(state, node, epoch, slots);
}
