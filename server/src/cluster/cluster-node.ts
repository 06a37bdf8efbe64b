/**
 * What one node knows about another (or itself), with the flags of the wire. Nodes are mutable records owned by the
 * cluster state; nobody else changes them.
 */

import { emptySlots } from "./slot-bitmap.ts";

export const NODE_FLAG = {
  primary: 1,
  replica: 2,
  /** We think it is down (PFAIL, "fail?"). */
  maybeFailed: 4,
  /** The majority thinks so (FAIL). */
  failed: 8,
  myself: 16,
  handshake: 32,
  noAddress: 64,
  /** Send MEET, not PING, at the next connect. */
  meet: 128,
  /** Had replicas once: replicas of others may migrate to it. */
  migrateTo: 256,
  /** A replica that will not start a failover. */
  noFailover: 512,
} as const;

/** Of the flags gossip gives for a node we do not know, those worth taking over; the rest we judge ourselves. */
export const GOSSIPED_FLAGS = NODE_FLAG.primary | NODE_FLAG.replica | NODE_FLAG.noFailover;

/** Names in CLUSTER NODES and nodes.conf, in their order there. */
export const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [NODE_FLAG.myself, "myself"],
  [NODE_FLAG.primary, "master"],
  [NODE_FLAG.replica, "slave"],
  [NODE_FLAG.maybeFailed, "fail?"],
  [NODE_FLAG.failed, "fail"],
  [NODE_FLAG.handshake, "handshake"],
  [NODE_FLAG.noAddress, "noaddr"],
  [NODE_FLAG.noFailover, "nofailover"],
];

/** One TCP connection of the bus. Outgoing ones belong to a node; inbound ones belong to whoever sent the last packet. */
export interface Link {
  readonly id: number;
  readonly isInbound: boolean;
  readonly createdAt: number;
  readonly remoteIp: string;
  readonly localIp: string;
  isOpen: boolean;
  /** When the last packet came on this very connection. */
  receivedAt: number;
  /** When the last PING left on it. */
  askedAt: number;
  node: ClusterNode | undefined;
}

export interface ClusterNode {
  id: string;
  /** Place in the slot table; 0 until the state takes the node in. */
  tableIndex: number;
  ip: string;
  /** For clients; where the bus is encrypted the one for TLS, and `plainPort` is the other, 0 if there is none. */
  port: number;
  plainPort: number;
  busPort: number;
  hostname: string;
  /** What people call it; only logs show it. */
  nodeName: string;
  /** Where clients outside reach it; "" and 0 where it does not say. */
  externalHost: string;
  externalPort: number;
  shardId: string;
  flags: number;
  primary: ClusterNode | undefined;
  replicas: ClusterNode[];
  configEpoch: number;
  /** The highest current epoch it has spoken with; what it says with a lower one is older. */
  spokenEpoch: number;
  offset: number;
  readonly slots: Uint8Array;
  slotCount: number;
  link: Link | undefined;
  /** The peer flags its pings as ones that may have extensions. */
  flagsExtensions: boolean;
  /** The peer has shown that it knows extensions beyond the hostname. */
  knowsExtensions: boolean;
  /** How often we have offered it ours without an answer. */
  extensionOffers: number;
  readonly createdAt: number;
  /** When a handshake with it ended, that is when somebody last wanted it in the cluster; −∞ for one learned from gossip. */
  metAt: number;
  /** 0: no PING under way. */
  pingSentAt: number;
  pongReceivedAt: number;
  /** When the latest PING left that it has answered; if another's, when that was answered. */
  reachedAt: number;
  dataReceivedAt: number;
  failedAt: number;
  /** When, and for which replica of it, this node has voted last. */
  votedAt: number;
  votedFor: string;
  orphanedAt: number;
  /** Reporter's node id → time of its last report that this node is down. */
  readonly failureReports: Map<string, number>;
  /** Ask the name service for the hostname before the next connect. */
  needsResolve: boolean;
  resolveStartedAt: number;
}

export interface NodeIdentity {
  readonly id: string;
  readonly flags: number;
  readonly now: number;
  readonly ip?: string;
  readonly port?: number;
  readonly plainPort?: number;
  readonly busPort?: number;
  readonly hostname?: string;
}

export function createNode(identity: NodeIdentity): ClusterNode {
  return {
    id: identity.id,
    tableIndex: 0,
    ip: identity.ip ?? "",
    port: identity.port ?? 0,
    plainPort: identity.plainPort ?? 0,
    busPort: identity.busPort ?? 0,
    hostname: identity.hostname ?? "",
    nodeName: "",
    externalHost: "",
    externalPort: 0,
    shardId: "",
    flags: identity.flags,
    primary: undefined,
    replicas: [],
    configEpoch: 0,
    spokenEpoch: 0,
    offset: 0,
    slots: emptySlots(),
    slotCount: 0,
    link: undefined,
    flagsExtensions: false,
    knowsExtensions: false,
    extensionOffers: 0,
    createdAt: identity.now,
    metAt: Number.NEGATIVE_INFINITY,
    pingSentAt: 0,
    pongReceivedAt: 0,
    reachedAt: 0,
    dataReceivedAt: 0,
    failedAt: 0,
    votedAt: 0,
    votedFor: "",
    orphanedAt: 0,
    failureReports: new Map(),
    needsResolve: false,
    resolveStartedAt: 0,
  };
}

export function hasFlag(node: ClusterNode, flag: number): boolean {
  return (node.flags & flag) !== 0;
}

export function isPrimary(node: ClusterNode): boolean {
  return (node.flags & NODE_FLAG.primary) !== 0;
}

export function isReplica(node: ClusterNode): boolean {
  return (node.flags & NODE_FLAG.replica) !== 0;
}

/** As far as is known of both. */
export function areOfOneShard(node: ClusterNode, other: ClusterNode): boolean {
  return node.shardId !== "" && node.shardId === other.shardId;
}

export function isFailed(node: ClusterNode): boolean {
  return (node.flags & NODE_FLAG.failed) !== 0;
}

export function isSuspected(node: ClusterNode): boolean {
  return (node.flags & (NODE_FLAG.failed | NODE_FLAG.maybeFailed)) !== 0;
}

export function isInHandshake(node: ClusterNode): boolean {
  return (node.flags & NODE_FLAG.handshake) !== 0;
}

/** A replica speaks with the epoch of its primary. */
export function epochOf(node: ClusterNode): number {
  return (node.primary ?? node).configEpoch;
}

export function workingReplicas(node: ClusterNode): number {
  return node.replicas.filter((replica) => !isSuspected(replica)).length;
}

/** A node in a log line: its id, and what people call it. */
export function labelOf({ id, nodeName }: Pick<ClusterNode, "id" | "nodeName">): string {
  return nodeName === "" ? id : `${id} (${nodeName})`;
}

/** "myself,master" and so on; "noflags" for none. */
export function flagNames(node: ClusterNode): string {
  const names = FLAG_NAMES.filter(([flag]) => hasFlag(node, flag)).map(([, name]) => name);
  return names.length === 0 ? "noflags" : names.join(",");
}
