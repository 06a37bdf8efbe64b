/** What CLUSTER INFO, SLOTS, SHARDS and LINKS tell, as plain data; the commands turn it into replies. */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { ClusterFacts, ClusterMessageFacts, ClusterMessageName } from "../observability/facts.ts";
import { type ClientAddress, type ClientView, clientAddress } from "./client-address.ts";
import { type ClusterNode, epochOf, hasFlag, isFailed, isPrimary, isReplica, NODE_FLAG } from "./cluster-node.ts";
import { announcedOffset } from "./gossip.ts";
import { rangesOf, type SlotRange } from "./slot-bitmap.ts";
import type { ClusterState, MessageKind } from "./state.ts";

const MESSAGE_NAMES: readonly (readonly [MessageKind, ClusterMessageName])[] = [
  ["ping", "ping"],
  ["pong", "pong"],
  ["meet", "meet"],
  ["fail", "fail"],
  ["publish", "publish"],
  ["authRequest", "auth-req"],
  ["authAck", "auth-ack"],
  ["update", "update"],
  ["manualFailoverStart", "mfstart"],
  ["ignored", "module"],
  ["publishShard", "publishshard"],
];

export function clusterFacts(state: ClusterState): ClusterFacts {
  const slots = { ok: 0, maybeFailed: 0, failed: 0 };
  for (const node of state.nodes.values()) {
    if (isFailed(node)) slots.failed += node.slotCount;
    else if (hasFlag(node, NODE_FLAG.maybeFailed)) slots.maybeFailed += node.slotCount;
    else slots.ok += node.slotCount;
  }
  return {
    isOk: state.isOk,
    slotsAssigned: state.table.assignedCount,
    slotsOk: slots.ok,
    slotsSuspected: slots.maybeFailed,
    slotsFailed: slots.failed,
    ownSlots: state.myself.slotCount,
    knownNodes: state.nodes.size,
    shards: state.size,
    currentEpoch: state.currentEpoch,
    ownEpoch: epochOf(state.myself),
    nodeId: state.myself.id,
    messages: messageFacts(state),
  };
}

function messageFacts({ sent, received }: ClusterState): ClusterMessageFacts[] {
  return MESSAGE_NAMES.map(([kind, name]) => ({
    name,
    sent: sent.get(kind) ?? 0,
    received: received.get(kind) ?? 0,
  })).filter((row) => row.sent + row.received > 0);
}

export function clusterInfo(state: ClusterState, linkLimitExceeded: number): string {
  const facts = clusterFacts(state);
  const lines = [
    `cluster_state:${facts.isOk ? "ok" : "fail"}`,
    `cluster_slots_assigned:${facts.slotsAssigned}`,
    `cluster_slots_ok:${facts.slotsOk}`,
    `cluster_slots_pfail:${facts.slotsSuspected}`,
    `cluster_slots_fail:${facts.slotsFailed}`,
    `cluster_known_nodes:${facts.knownNodes}`,
    `cluster_size:${facts.shards}`,
    `cluster_current_epoch:${facts.currentEpoch}`,
    `cluster_my_epoch:${facts.ownEpoch}`,
    ...messageCounts(facts.messages, "sent"),
    ...messageCounts(facts.messages, "received"),
    `total_cluster_links_buffer_limit_exceeded:${linkLimitExceeded}`,
  ];
  if (state.guard.isHolding) lines.push("cluster_waiting_for_data:1");
  return `${lines.join("\r\n")}\r\n`;
}

function messageCounts(messages: readonly ClusterMessageFacts[], direction: "sent" | "received"): string[] {
  const some = messages.filter((row) => row[direction] > 0);
  const total = some.reduce((sum, row) => sum + row[direction], 0);
  const lines = some.map((row) => `cluster_stats_messages_${row.name}_${direction}:${row[direction]}`);
  return [...lines, `cluster_stats_messages_${direction}:${total}`];
}

export interface NodeView extends ClientAddress {
  readonly id: string;
  readonly role: "master" | "replica";
  readonly offset: number;
  readonly health: "online" | "fail" | "loading";
}

export interface SlotRangeView {
  readonly start: number;
  readonly end: number;
  /** The owner first, then its replicas that can serve. */
  readonly nodes: readonly NodeView[];
}

/** Ranges in the order of slots, each with one owner. */
export function slotRanges(state: ClusterState, view: ClientView): SlotRangeView[] {
  const views: SlotRangeView[] = [];
  let start = 0;
  for (let slot = 1; slot <= SLOT_COUNT; slot++) {
    const owner = state.table.ownerOf(start);
    if (slot < SLOT_COUNT && state.table.ownerOf(slot) === owner) continue;
    if (owner !== undefined) {
      const replicas = owner.replicas
        .map((node) => viewNode(state, node, view))
        .filter(({ health }) => health === "online");
      views.push({ start, end: slot - 1, nodes: [viewNode(state, owner, view), ...replicas] });
    }
    start = slot;
  }
  return views;
}

export interface ShardView {
  readonly ranges: readonly SlotRange[];
  readonly nodes: readonly NodeView[];
}

/** One shard for each primary, with or without slots. */
export function shards(state: ClusterState, { isOutside }: ClientView): ShardView[] {
  const view = { isEncrypted: true, isOutside };
  return [...state.nodes.values()].filter(isPrimary).map((primary) => ({
    ranges: rangesOf(primary.slots),
    nodes: [primary, ...primary.replicas].map((node) => viewNode(state, node, view)),
  }));
}

function viewNode(state: ClusterState, node: ClusterNode, view: ClientView): NodeView {
  const offset = node === state.myself ? announcedOffset(state) : node.offset;
  return {
    id: node.id,
    ...clientAddress(state, node, view),
    role: isReplica(node) ? "replica" : "master",
    offset,
    health: isFailed(node) ? "fail" : isReplica(node) && offset === 0 ? "loading" : "online",
  };
}

export interface LinkView {
  readonly id: number;
  readonly direction: "to" | "from";
  readonly nodeId: string;
  readonly createdAt: number;
}

/** Node by node, the link to it before those from it: clients read them in pairs, as Redis lists them. */
export function links(state: ClusterState): LinkView[] {
  const views = new Map<ClusterNode, LinkView[]>();
  for (const node of state.nodes.values()) views.set(node, []);
  for (const { id, node, isInbound, createdAt } of state.links.values()) {
    const ofNode = node === undefined ? undefined : views.get(node);
    if (node === undefined || ofNode === undefined) continue;
    const view: LinkView = { id, direction: isInbound ? "from" : "to", nodeId: node.id, createdAt };
    if (isInbound) ofNode.push(view);
    else ofNode.unshift(view);
  }
  return [...views.values()].flat();
}
