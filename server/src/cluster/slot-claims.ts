/**
 * Who wins a slot: the claim with the higher configuration epoch. Claims arrive in the headers of primaries and in
 * UPDATE messages. Also here: what losing slots means for this node (follow the winner, or drop keys it no longer
 * owns), and how two primaries with the same epoch are told apart.
 */

import { type ClusterNode, epochOf, isPrimary, type Link, labelOf } from "./cluster-node.ts";
import { broadcastPong, send } from "./gossip.ts";
import { equalSlots, slotsOf } from "./slot-bitmap.ts";
import {
  type ClusterState,
  followPrimary,
  highestEpoch,
  log,
  needsDurableSave,
  needsSave,
  needsUpdate,
} from "./state.ts";
import { dropKeys } from "./surplus-slots.ts";

/** `claimant` says that it owns `slots` since `epoch`. */
export function applyClaim(state: ClusterState, claimant: ClusterNode, epoch: number, slots: Uint8Array): void {
  const { myself, table } = state;
  if (claimant === myself) return;
  const shardPrimary = isPrimary(myself) ? myself : myself.primary;
  const lost: number[] = [];
  const orphanedKeys: number[] = [];
  let claimed = 0;
  let lostByShard = 0;
  let hasChanged = false;
  for (const slot of slotsOf(slots)) {
    claimed++;
    const owner = table.ownerOf(slot);
    if (owner === claimant || state.importing.has(slot)) continue;
    if (owner !== undefined && owner.configEpoch >= epoch) continue;
    if (owner === myself) lost.push(slot);
    if (owner === myself && state.facts.countKeysInSlot(slot) > 0) orphanedKeys.push(slot);
    if (owner !== undefined && owner === shardPrimary) lostByShard++;
    state.migrating.delete(slot);
    table.assign(slot, claimant);
    if (claimant === shardPrimary) state.surplus.delete(slot);
    hasChanged = true;
  }
  if (!hasChanged) return;
  if (lost.length > 0) state.outbox.push({ kind: "slotsLost", slots: lost });
  needsSave(state);
  needsUpdate(state);
  const lostAll = lostByShard > 0 && shardPrimary?.slotCount === 0;
  if (lostAll && (state.settings.allowReplicaMigration || claimed === lostByShard)) {
    log(state, "notice", `Configuration change detected. Reconfiguring myself as a replica of ${labelOf(claimant)}`);
    followPrimary(state, claimant, claimed === lostByShard);
  } else if (orphanedKeys.length > 0) {
    dropKeys(state, orphanedKeys);
  }
}

/** The sender still claims a slot that somebody else has won since: tell it who. One message a packet is enough. */
export function correctStaleClaim(
  state: ClusterState,
  sender: ClusterNode,
  claim: { readonly configEpoch: number; readonly slots: Uint8Array },
  link: Link,
): void {
  for (const slot of slotsOf(claim.slots)) {
    const owner = state.table.ownerOf(slot);
    if (owner === undefined || owner === sender || owner.configEpoch <= claim.configEpoch) continue;
    sendUpdate(state, link, owner);
    return;
  }
}

export function sendUpdate(state: ClusterState, link: Link, owner: ClusterNode): void {
  send(state, link, { type: "update", nodeId: owner.id, configEpoch: owner.configEpoch, slots: owner.slots });
}

/** What the sender says of its slots; for a replica it says them of its primary. */
export function claimsDiffer(sender: ClusterNode, slots: Uint8Array): boolean {
  return !equalSlots((isPrimary(sender) ? sender : (sender.primary ?? sender)).slots, slots);
}

/** Two primaries with one epoch: the one with the smaller id takes a fresh one. */
export function resolveEpochCollision(state: ClusterState, sender: ClusterNode, claimedEpoch: number): void {
  const { myself } = state;
  if (!isPrimary(sender) || !isPrimary(myself)) return;
  // As a replica it may have spoken with ours a moment ago.
  if (sender.configEpoch !== myself.configEpoch || claimedEpoch !== myself.configEpoch) return;
  if (sender.id <= myself.id) return;
  state.currentEpoch++;
  myself.configEpoch = state.currentEpoch;
  needsDurableSave(state);
  log(
    state,
    "notice",
    `Configuration epoch collision with node ${labelOf(sender)}: my epoch is now ${myself.configEpoch}`,
  );
}

/**
 * Takes the next epoch without asking anybody, so that this node's claims win: for CLUSTER SETSLOT NODE after an
 * import, BUMPEPOCH and TAKEOVER. False if it has the highest already.
 */
export function takeEpochUnasked(state: ClusterState): boolean {
  const highest = highestEpoch(state);
  const { myself } = state;
  if (myself.configEpoch !== 0 && epochOf(myself) === highest && isPrimary(myself)) return false;
  state.currentEpoch = highest + 1;
  myself.configEpoch = state.currentEpoch;
  needsDurableSave(state);
  log(state, "notice", `New configuration epoch ${myself.configEpoch} taken without agreement`);
  return true;
}

/** The copies are complete, and the slots' owner has stopped: this node owns them from now on, and tells everybody. */
export function takeCopiedSlots(state: ClusterState, slots: Iterable<number>): void {
  takeEpochUnasked(state);
  for (const slot of slots) {
    state.table.assign(slot, state.myself);
    state.surplus.delete(slot);
  }
  needsDurableSave(state);
  needsUpdate(state);
  broadcastPong(state, "all");
}

/** Takes the next epoch, so that a claim made before, which has not come yet, loses. */
export function claimAgain(state: ClusterState): void {
  state.currentEpoch = highestEpoch(state) + 1;
  state.myself.configEpoch = state.currentEpoch;
  needsDurableSave(state);
  broadcastPong(state, "all");
}

/**
 * On a replica: its primary says in the stream that it owns these slots. The bus says so too, but perhaps not before the primary
 * dies, and then this replica would not take them over.
 */
export function believePrimary(state: ClusterState, slots: Iterable<number>): void {
  const { primary } = state.myself;
  if (primary === undefined) return;
  for (const slot of slots) if (state.table.ownerOf(slot) !== primary) state.table.assign(slot, primary);
  needsSave(state);
  needsUpdate(state);
}
