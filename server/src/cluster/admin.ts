/**
 * The changes an administrator asks for with CLUSTER commands. Each returns undefined when done, or the error text for
 * the client, in which case nothing has changed. Parsing is the command's task; what is checked here depends on state.
 */

import { isNodeId } from "./bus-message.ts";
import {
  areOfOneShard,
  type ClusterNode,
  createNode,
  hasFlag,
  isFailed,
  isPrimary,
  isReplica,
  NODE_FLAG,
} from "./cluster-node.ts";
import { type ManualMode, startManualFailover } from "./election.ts";
import { broadcastPong } from "./gossip.ts";
import { slotsOf } from "./slot-bitmap.ts";
import { takeEpochUnasked } from "./slot-claims.ts";
import { endHold } from "./start-guard.ts";
import {
  type ClusterState,
  FORGET_BAN_MS,
  followPrimary,
  log,
  needsDurableSave,
  needsSave,
  needsUpdate,
  removeNode,
  renameNode,
  stopHolding,
  turnIntoPrimary,
} from "./state.ts";

export function meet(state: ClusterState, ip: string, port: number, busPort: number): undefined {
  for (const node of state.nodes.values()) {
    const isSame = node.ip === ip && node.busPort === busPort;
    if (isSame && hasFlag(node, NODE_FLAG.handshake)) return undefined;
  }
  const flags = NODE_FLAG.handshake | NODE_FLAG.meet;
  const node = createNode({ id: state.random.hex(40), flags, now: state.now, ip, port, busPort });
  if (state.table.register(node)) state.nodes.set(node.id, node);
  return undefined;
}

export function addSlots(state: ClusterState, slots: readonly number[]): string | undefined {
  const seen = new Set<number>();
  for (const slot of slots) {
    if (state.table.ownerOf(slot) !== undefined) return `ERR Slot ${slot} is already busy`;
    if (seen.has(slot)) return `ERR Slot ${slot} specified multiple times`;
    seen.add(slot);
  }
  for (const slot of slots) {
    state.importing.delete(slot);
    state.table.assign(slot, state.myself);
  }
  slotsChanged(state);
  return undefined;
}

export function deleteSlots(state: ClusterState, slots: readonly number[]): string | undefined {
  const seen = new Set<number>();
  for (const slot of slots) {
    if (state.table.ownerOf(slot) === undefined) return `ERR Slot ${slot} is already unassigned`;
    if (seen.has(slot)) return `ERR Slot ${slot} specified multiple times`;
    seen.add(slot);
  }
  tellLost(state, slots);
  for (const slot of slots) state.table.remove(slot);
  slotsChanged(state);
  return undefined;
}

/** Those of the slots that are this shard's now: there are subscribers to their channels with replicas, too. */
function tellLost(state: ClusterState, slots: Iterable<number>): void {
  const isOwn = (owner: ClusterNode | undefined): boolean => owner !== undefined && areOfOneShard(owner, state.myself);
  const lost = [...slots].filter((slot) => isOwn(state.table.ownerOf(slot)));
  if (lost.length > 0) state.outbox.push({ kind: "slotsLost", slots: lost });
}

export function flushSlots(state: ClusterState): string | undefined {
  if (!state.facts.keyspaceIsEmpty()) return "ERR DB must be empty to perform CLUSTER FLUSHSLOTS.";
  tellLost(state, slotsOf(state.myself.slots));
  state.table.removeAll(state.myself);
  slotsChanged(state);
  return undefined;
}

function slotsChanged(state: ClusterState): void {
  needsSave(state);
  needsUpdate(state);
}

export type SlotChange =
  | { readonly kind: "migrating" | "importing" | "node"; readonly nodeId: string }
  | { readonly kind: "stable" };

export function setSlotState(state: ClusterState, slot: number, change: SlotChange): string | undefined {
  const { myself, table } = state;
  if (isReplica(myself)) return "ERR Please use SETSLOT only with masters.";
  if (change.kind === "stable") {
    state.importing.delete(slot);
    state.migrating.delete(slot);
    slotsChanged(state);
    return undefined;
  }
  if (change.kind === "migrating" && table.ownerOf(slot) !== myself)
    return `ERR I'm not the owner of hash slot ${slot}`;
  if (change.kind === "importing" && table.ownerOf(slot) === myself) {
    return `ERR I'm already the owner of hash slot ${slot}`;
  }
  const node = findNode(state, change.nodeId);
  if (node === undefined) {
    const text = change.kind === "node" ? "Unknown node" : "I don't know about node";
    return `ERR ${text} ${change.nodeId}`;
  }
  if (isReplica(node)) return "ERR Target node is not a master";
  switch (change.kind) {
    case "migrating":
      state.migrating.set(slot, node);
      break;
    case "importing":
      state.importing.set(slot, node);
      break;
    case "node":
      return giveSlot(state, slot, node);
  }
  slotsChanged(state);
  return undefined;
}

function giveSlot(state: ClusterState, slot: number, node: ClusterNode): string | undefined {
  const { myself, table, facts } = state;
  const keys = facts.countKeysInSlot(slot);
  if (table.ownerOf(slot) === myself && node !== myself && keys > 0) {
    return `ERR Can't assign hashslot ${slot} to a different node while I still hold keys for this hash slot.`;
  }
  if (keys === 0) state.migrating.delete(slot);
  const wasImporting = state.importing.has(slot);
  const isLost = table.ownerOf(slot) === myself && node !== myself;
  if (isLost) state.outbox.push({ kind: "slotsLost", slots: [slot] });
  table.assign(slot, node);
  if (node === myself && wasImporting) {
    takeEpochUnasked(state);
    state.importing.delete(slot);
    broadcastPong(state, "all");
  }
  slotsChanged(state);
  // As when others tell that the last slot is gone (applyClaim).
  if (isLost && myself.slotCount === 0 && state.settings.allowReplicaMigration) {
    log(state, "notice", `Configuration change detected. Reconfiguring myself as a replica of ${node.id}`);
    followPrimary(state, node, false);
  }
  return undefined;
}

/** Not bumped: it has the highest epoch already. */
export function bumpEpoch(state: ClusterState): { readonly isBumped: boolean; readonly epoch: number } {
  const isBumped = takeEpochUnasked(state);
  return { isBumped, epoch: state.myself.configEpoch };
}

export function setConfigEpoch(state: ClusterState, epoch: number): string | undefined {
  if (state.nodes.size > 1) {
    return "ERR The user can assign a config epoch only when the node does not know any other node.";
  }
  if (state.myself.configEpoch !== 0) return "ERR Node config epoch is already non-zero";
  state.myself.configEpoch = epoch;
  state.currentEpoch = Math.max(state.currentEpoch, epoch);
  needsDurableSave(state);
  needsUpdate(state);
  return undefined;
}

export function replicate(state: ClusterState, nodeId: string): string | undefined {
  const { myself } = state;
  const node = findNode(state, nodeId);
  if (node === undefined) return `ERR Unknown node ${nodeId}`;
  if (node === myself) return "ERR Can't replicate myself";
  if (isReplica(node)) return "ERR I can only replicate a master, not a replica.";
  if (isPrimary(myself) && (myself.slotCount !== 0 || !state.facts.keyspaceIsEmpty())) {
    return "ERR To set a master the node must be empty and without assigned slots.";
  }
  followPrimary(state, node, myself.primary === node);
  broadcastPong(state, "all");
  return undefined;
}

export function forget(state: ClusterState, nodeId: string): string | undefined {
  const node = findNode(state, nodeId);
  // Another node has been told, and told this one, before the administrator came here.
  if (node === undefined && (state.banned.get(nodeId) ?? 0) > state.now) return undefined;
  if (node === undefined) return `ERR Unknown node ${nodeId}`;
  if (node === state.myself) return "ERR I tried hard but I can't forget myself...";
  if (isReplica(state.myself) && state.myself.primary === node) return "ERR Can't forget my master!";
  state.banned.set(node.id, state.now + FORGET_BAN_MS);
  removeNode(state, node);
  return undefined;
}

export function failover(state: ClusterState, mode: ManualMode): string | undefined {
  const { myself, guard } = state;
  if (guard.isHolding && mode === "takeover") {
    endHold(state, "CLUSTER FAILOVER TAKEOVER");
    return undefined;
  }
  if (isPrimary(myself)) return "ERR You should send CLUSTER FAILOVER to a replica";
  const primary = myself.primary;
  if (primary === undefined) return "ERR I'm a replica but my master is unknown to me";
  if (mode === "normal" && (isFailed(primary) || primary.link?.isOpen !== true)) {
    return "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE";
  }
  // Its primary, or another replica, may be back with the data in a moment.
  if (mode === "force" && !guard.holdsShardData) {
    return "ERR This replica has none of its shard's data. CLUSTER FAILOVER TAKEOVER makes it the primary all the same";
  }
  startManualFailover(state, mode);
  return undefined;
}

/** Forgets the cluster. The caller has emptied the keyspace of a replica. HARD also takes a new id and epoch 0. */
export function reset(state: ClusterState, isHard: boolean): undefined {
  const { myself } = state;
  tellLost(state, slotsOf((myself.primary ?? myself).slots));
  if (isReplica(myself)) {
    turnIntoPrimary(state, myself);
    state.outbox.push({ kind: "promote" });
  }
  state.migrating.clear();
  state.importing.clear();
  state.isBereft = false;
  stopHolding(state);
  state.guard.holdsShardData = true;
  for (const node of [...state.nodes.values()]) {
    state.table.removeAll(node);
    if (node !== myself) removeNode(state, node);
  }
  if (isHard) {
    state.currentEpoch = 0;
    state.lastVoteEpoch = 0;
    state.votedFor = "";
    myself.configEpoch = 0;
    const old = myself.id;
    renameNode(state, myself, state.random.hex(40));
    myself.shardId = state.random.hex(40);
    log(state, "notice", `Node hard reset, now I am ${myself.id} (was ${old})`);
  }
  needsDurableSave(state);
  needsUpdate(state);
  return undefined;
}

export function findNode(state: ClusterState, nodeId: string): ClusterNode | undefined {
  return isNodeId(nodeId) ? state.nodes.get(nodeId) : undefined;
}
