/**
 * The state of one cluster node and the primitive changes on it: nodes, links, slot owners, epochs, roles. Pure: it
 * performs no input or output. What must happen outside goes to `outbox` as effects; the facts it needs from outside
 * (time, randomness, replication progress) come in through `now`, `random` and `facts`.
 *
 * Every event goes through a function that sets `now`, changes the state and ends in settle.ts, which recomputes what
 * depends on it and returns the effects in order. Invariants: `nodes` and `table` hold the same nodes; a replica is
 * listed by its primary and by no one else; no node but `myself` carries the flag myself.
 */

import type { Random } from "../platform/random.ts";
import type { BusBody } from "./bus-message.ts";
import { type ClusterNode, createNode, isFailed, isPrimary, isReplica, type Link, NODE_FLAG } from "./cluster-node.ts";
import { SlotTable } from "./slot-table.ts";

export interface ClusterSettings {
  /** The bus is encrypted: `port` is the one for TLS, `plainPort` the other, 0 if there is none. */
  readonly isEncrypted: boolean;
  /** Replicas follow over TLS. */
  readonly isReplicationEncrypted: boolean;
  readonly port: number;
  readonly plainPort: number;
  readonly busPort: number;
  readonly nodeTimeoutMs: number;
  readonly requireFullCoverage: boolean;
  readonly allowReadsWhenDown: boolean;
  readonly allowShardChannelsWhenDown: boolean;
  readonly replicaValidityFactor: number;
  readonly replicaNoFailover: boolean;
  readonly manualFailoverTimeoutMs: number;
  readonly replicationPingPeriodMs: number;
  readonly allowReplicaMigration: boolean;
  readonly migrationBarrier: number;
  readonly announceIp: string;
  readonly announcePort: number;
  readonly announceTlsPort: number;
  readonly announceBusPort: number;
  readonly announceHostname: string;
  readonly announceNodeName: string;
  /** For clients that come to the external port. */
  readonly announceExternalHost: string;
  readonly announceExternalPort: number;
  readonly preferredEndpointType: "ip" | "hostname" | "unknown-endpoint";
}

/** What the state asks of replication and the keyspace; all of it is cheap to read. */
export interface ServerFacts {
  /** Bytes of the replication stream this node has produced (primary) or applied (replica). */
  replicationOffset(): number;
  primaryLinkUp(): boolean;
  /** How old a replica's data may be: time since it last heard its primary, Infinity if never since the start. */
  dataAgeMs(): number;
  /** False from when a full sync has dropped what a replica had until what comes is whole. */
  hasWholeCopy(): boolean;
  keyspaceIsEmpty(): boolean;
  countKeysInSlot(slot: number): number;
}

export type Effect =
  | { readonly kind: "connect"; readonly link: number; readonly host: string; readonly port: number }
  | { readonly kind: "send"; readonly link: number; readonly bytes: Buffer }
  | { readonly kind: "close"; readonly link: number }
  | { readonly kind: "resolve"; readonly nodeId: string; readonly hostname: string }
  /** `isDurable`: must be on disk before any later effect of the same step. */
  | { readonly kind: "save"; readonly isDurable: boolean }
  | { readonly kind: "replicateFrom"; readonly host: string; readonly port: number }
  | { readonly kind: "promote" }
  | { readonly kind: "pauseWrites"; readonly untilMs: number }
  | { readonly kind: "resumeWrites" }
  | { readonly kind: "slotsLost"; readonly slots: readonly number[] }
  | { readonly kind: "dropSlotKeys"; readonly slots: readonly number[] }
  | { readonly kind: "publish"; readonly channel: Buffer; readonly message: Buffer; readonly isSharded: boolean }
  | { readonly kind: "log"; readonly level: "notice" | "warning"; readonly text: string };

/** A replica's attempt to be elected. */
export interface Election {
  /** When to ask for votes; 0: none tried yet. */
  startAt: number;
  hasAsked: boolean;
  /** When it last asked. */
  askedAt: number;
  rank: number;
  epoch: number;
  readonly votes: Set<string>;
}

/** A failover asked for by CLUSTER FAILOVER; `endsAt` 0: none under way. */
export interface ManualFailover {
  endsAt: number;
  /** On the primary: who takes over. */
  replica: ClusterNode | undefined;
  /** On the replica: the offset the paused primary stopped at, -1 until known. */
  primaryOffset: number;
  canStart: boolean;
}

/** See start-guard.ts. */
export interface StartGuard {
  isHolding: boolean;
  /** The others have been told that this node is to be replaced. */
  hasGivenUp: boolean;
  /** Until then, or until all replicas have been heard: whether one has more data than this primary; 0: known. */
  checksUntil: number;
  /** What this node came back with, as an offset of the shard's stream; 0 for nothing. */
  ownOffset: number;
  holdsShardData: boolean;
  /** Offsets that nodes announced while this one held. */
  readonly offsets: Map<string, number>;
  nextNoticeAt: number;
}

/** How long gossip may not bring a forgotten node back: time enough to forget it on every node. */
export const FORGET_BAN_MS = 60_000;

export type MessageKind = BusBody["type"];

export interface ClusterState {
  now: number;
  readonly settings: ClusterSettings;
  readonly random: Random;
  readonly facts: ServerFacts;
  readonly myself: ClusterNode;
  /** The address in `myself` is from an earlier life; the next packet tells the present one. */
  isMyAddressStale: boolean;
  readonly nodes: Map<string, ClusterNode>;
  readonly table: SlotTable;
  readonly links: Map<number, Link>;
  nextLinkId: number;
  currentEpoch: number;
  lastVoteEpoch: number;
  /** Who got that vote, as long as this process lives. */
  votedFor: string;
  isOk: boolean;
  /** Primaries that own slots; majorities count these. */
  size: number;
  readonly startedAt: number;
  /** When a majority of the primaries was last out of reach. */
  inMinorityAt: number;
  /** When it was last not known whether one is: not enough have been heard since the start. */
  unheardAt: number;
  tickCount: number;
  readonly migrating: Map<number, ClusterNode>;
  readonly importing: Map<number, ClusterNode>;
  /** See surplus-slots.ts. */
  readonly surplus: Set<number>;
  readonly leftovers: Set<number>;
  /** When this primary lost slots to its own shard. */
  replacedAt: number;
  /** This primary has lost its last slot, and knows of nobody in its shard who has any. */
  isBereft: boolean;
  /** Another node may take these just now, with an epoch that is newer than that of this one, which must not rise. */
  readonly given: Set<number>;
  /** See disowned-slots.ts. */
  readonly disowned: Map<number, ClusterNode>;
  /** Forgotten node id → until when it must not be learned again from gossip. */
  readonly banned: Map<string, number>;
  readonly election: Election;
  readonly manual: ManualFailover;
  readonly guard: StartGuard;
  readonly sent: Map<MessageKind, number>;
  readonly received: Map<MessageKind, number>;
  readonly pending: { save: boolean; durable: boolean; update: boolean; election: boolean };
  outbox: Effect[];
}

export interface StateOptions {
  readonly settings: ClusterSettings;
  readonly random: Random;
  readonly facts: ServerFacts;
  readonly now: number;
}

/** A node that knows nobody: an empty primary with a fresh id. */
export function createState({ settings, random, facts, now }: StateOptions): ClusterState {
  const myself = createNode({ id: random.hex(40), flags: NODE_FLAG.myself | NODE_FLAG.primary, now });
  myself.shardId = random.hex(40);
  return {
    now,
    settings,
    random,
    facts,
    myself,
    isMyAddressStale: false,
    nodes: new Map([[myself.id, myself]]),
    table: new SlotTable(myself),
    links: new Map(),
    nextLinkId: 1,
    currentEpoch: 0,
    lastVoteEpoch: 0,
    votedFor: "",
    isOk: false,
    size: 0,
    startedAt: now,
    inMinorityAt: 0,
    unheardAt: 0,
    tickCount: 0,
    migrating: new Map(),
    importing: new Map(),
    surplus: new Set(),
    leftovers: new Set(),
    replacedAt: 0,
    isBereft: false,
    given: new Set(),
    disowned: new Map(),
    banned: new Map(),
    election: { startAt: 0, hasAsked: false, askedAt: 0, rank: 0, epoch: 0, votes: new Set() },
    manual: { endsAt: 0, replica: undefined, primaryOffset: -1, canStart: false },
    guard: {
      ...{ isHolding: false, hasGivenUp: false, checksUntil: 0, ownOffset: 0 },
      ...{ holdsShardData: true, offsets: new Map(), nextNoticeAt: 0 },
    },
    sent: new Map(),
    received: new Map(),
    pending: { save: false, durable: false, update: false, election: false },
    outbox: [],
  };
}

export function log(state: ClusterState, level: "notice" | "warning", text: string): void {
  state.outbox.push({ kind: "log", level, text });
}

export function needsSave(state: ClusterState): void {
  state.pending.save = true;
}

/** For what a crash must not forget: votes given and epochs taken. */
export function needsDurableSave(state: ClusterState): void {
  state.pending.save = true;
  state.pending.durable = true;
}

export function needsUpdate(state: ClusterState): void {
  state.pending.update = true;
}

// --- nodes -----------------------------------------------------------------------------------------------------------

export function addNode(state: ClusterState, node: ClusterNode): boolean {
  if (state.nodes.has(node.id) || !state.table.register(node)) return false;
  state.nodes.set(node.id, node);
  return true;
}

export function removeNode(state: ClusterState, node: ClusterNode): void {
  for (const open of [state.migrating, state.importing]) {
    for (const [slot, peer] of open) if (peer === node) open.delete(slot);
  }
  for (const other of state.nodes.values()) other.failureReports.delete(node.id);
  detachFromPrimary(node);
  for (const replica of node.replicas) replica.primary = undefined;
  node.replicas = [];
  closeNodeLink(state, node);
  for (const link of state.links.values()) if (link.node === node) link.node = undefined;
  if (state.manual.replica === node) state.manual.replica = undefined;
  state.guard.offsets.delete(node.id);
  for (const [slot, owner] of state.disowned) if (owner === node) state.disowned.delete(slot);
  state.table.unregister(node);
  state.nodes.delete(node.id);
  needsUpdate(state);
  needsSave(state);
}

export function renameNode(state: ClusterState, node: ClusterNode, id: string): void {
  state.nodes.delete(node.id);
  node.id = id;
  state.nodes.set(id, node);
  needsSave(state);
}

/** Current and largest configuration epoch anybody has told us of. */
export function highestEpoch(state: ClusterState): number {
  let highest = state.currentEpoch;
  for (const node of state.nodes.values()) highest = Math.max(highest, node.configEpoch);
  return highest;
}

// --- roles -----------------------------------------------------------------------------------------------------------

export function detachFromPrimary(node: ClusterNode): void {
  if (node.primary === undefined) return;
  node.primary.replicas = node.primary.replicas.filter((replica) => replica !== node);
  if (node.primary.replicas.length === 0) node.primary.flags &= ~NODE_FLAG.migrateTo;
  node.primary = undefined;
}

export function attachToPrimary(node: ClusterNode, primary: ClusterNode): void {
  if (node.primary === primary) return;
  detachFromPrimary(node);
  node.primary = primary;
  primary.replicas.push(node);
  primary.flags |= NODE_FLAG.migrateTo;
  if (primary.shardId !== "") node.shardId = primary.shardId;
}

export function turnIntoPrimary(state: ClusterState, node: ClusterNode): void {
  if (isPrimary(node)) return;
  detachFromPrimary(node);
  node.flags = (node.flags & ~NODE_FLAG.replica) | NODE_FLAG.primary;
  if (node !== state.myself) node.flags |= NODE_FLAG.migrateTo;
  needsSave(state);
  needsUpdate(state);
}

/**
 * This node follows `primary` from now on. `keepsShard`: both belong to the same shard already, so the data held
 * here is the shard's own, if older.
 */
export function followPrimary(state: ClusterState, primary: ClusterNode, keepsShard: boolean): void {
  const { myself, guard, facts } = state;
  if (!isReplica(myself)) {
    myself.flags = (myself.flags & ~(NODE_FLAG.primary | NODE_FLAG.migrateTo)) | NODE_FLAG.replica;
    state.migrating.clear();
    state.importing.clear();
  }
  attachToPrimary(myself, primary);
  // Nothing is no data of a shard, even where it was served a moment ago because nobody seemed to have any.
  guard.holdsShardData = keepsShard && guard.holdsShardData && !guard.isHolding && !facts.keyspaceIsEmpty();
  guard.checksUntil = 0;
  stopHolding(state);
  resetManualFailover(state);
  resetElection(state);
  replicateFromPrimary(state);
  needsSave(state);
  needsUpdate(state);
}

/**
 * A node that held its answers back begins to speak. The PINGs that it left unanswered would be waited for on their
 * connections for ever (by Redis too), so those are closed: each peer connects again and asks anew.
 */
export function stopHolding(state: ClusterState): void {
  if (!state.guard.isHolding) return;
  state.guard.isHolding = false;
  for (const link of [...state.links.values()]) if (link.isInbound) closeLink(state, link);
  needsUpdate(state);
}

/** While holding: whether a replica has the data that this node lost, and is not down. */
export function hasSuccessor(state: ClusterState): boolean {
  const { guard, myself } = state;
  const hasMore = ({ id }: ClusterNode): boolean => (guard.offsets.get(id) ?? 0) > guard.ownOffset;
  return guard.isHolding && myself.replicas.some((replica) => hasMore(replica) && !isFailed(replica));
}

/** Neither serves nor may be copied: it waits for its data, or to hear whether somebody has more of it. */
export function isWaitingForData({ guard }: ClusterState): boolean {
  return guard.isHolding || guard.checksUntil > 0;
}

/** Tells replication where the primary is now; a primary without a known address waits for one. */
export function replicateFromPrimary(state: ClusterState): void {
  const { primary } = state.myself;
  const address = primary === undefined ? undefined : replicationAddress(state, primary);
  if (address !== undefined) state.outbox.push({ kind: "replicateFrom", ...address });
}

/** Where a node takes those who replicate from it, or move slots to it; undefined while it has no address. */
export function replicationAddress(
  state: ClusterState,
  node: ClusterNode,
): { readonly host: string; readonly port: number } | undefined {
  if (node.ip === "" || (node.flags & NODE_FLAG.noAddress) !== 0) return undefined;
  const { isEncrypted, isReplicationEncrypted } = state.settings;
  const isPlain = isEncrypted && !isReplicationEncrypted && node.plainPort !== 0;
  return { host: node.ip, port: isPlain ? node.plainPort : node.port };
}

/** Votes given so far were against the primary that was followed then, and may have been used already. */
function resetElection({ election }: ClusterState): void {
  election.startAt = 0;
  election.hasAsked = false;
  election.votes.clear();
}

export function resetManualFailover(state: ClusterState): void {
  const { manual } = state;
  if (manual.endsAt !== 0 && manual.replica !== undefined) state.outbox.push({ kind: "resumeWrites" });
  manual.endsAt = 0;
  manual.replica = undefined;
  manual.primaryOffset = -1;
  manual.canStart = false;
}

// --- links -----------------------------------------------------------------------------------------------------------

export function openLink(state: ClusterState, node: ClusterNode): Link {
  const link: Link = {
    id: state.nextLinkId++,
    isInbound: false,
    createdAt: state.now,
    remoteIp: node.ip,
    localIp: "",
    isOpen: false,
    receivedAt: state.now,
    askedAt: 0,
    node,
  };
  state.links.set(link.id, link);
  node.link = link;
  state.outbox.push({ kind: "connect", link: link.id, host: node.ip, port: node.busPort });
  return link;
}

export function closeLink(state: ClusterState, link: Link): void {
  if (!state.links.delete(link.id)) return;
  if (link.node?.link === link) link.node.link = undefined;
  state.outbox.push({ kind: "close", link: link.id });
}

export function closeNodeLink(state: ClusterState, node: ClusterNode): void {
  if (node.link !== undefined) closeLink(state, node.link);
}
