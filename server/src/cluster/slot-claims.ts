/**
 * Who wins a slot: the claim with the higher configuration epoch. Claims arrive in the headers of primaries and in
 * UPDATE messages. Also here: what losing slots means for this node (follow the winner, or drop keys it no longer
 * owns), and how two primaries with the same epoch are told apart.
 */

import { areOfOneShard, type ClusterNode, epochOf, isPrimary, type Link, labelOf } from "./cluster-node.ts";
import { claimedSlots, isDisowned } from "./disowned-slots.ts";
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
import { dropKeys, forgetReturned, keepForShard, leaveToPrimary } from "./surplus-slots.ts";

/** What a claim has won of this node's shard, and how much it named. */
interface Won {
  readonly fromMyself: number[];
  readonly fromMyPrimary: number[];
  claimed: number;
  hasChanged: boolean;
}

/** `claimant` says that it owns `slots` since `epoch`. */
export function applyClaim(state: ClusterState, claimant: ClusterNode, epoch: number, slots: Uint8Array): void {
  if (claimant === state.myself) return;
  const won = assignClaimed(state, claimant, epoch, slots);
  if (!won.hasChanged) return;
  // Subscribers to shard channels may also be with a replica.
  const ofMyPrimary = areOfOneShard(claimant, state.myself) ? [] : won.fromMyPrimary;
  const lost = [...won.fromMyself, ...ofMyPrimary];
  if (lost.length > 0) state.outbox.push({ kind: "slotsLost", slots: lost });
  needsSave(state);
  needsUpdate(state);
  acceptLoss(state, claimant, won);
}

function assignClaimed(state: ClusterState, claimant: ClusterNode, epoch: number, slots: Uint8Array): Won {
  const { myself, table } = state;
  const won: Won = { fromMyself: [], fromMyPrimary: [], claimed: 0, hasChanged: false };
  for (const slot of slotsOf(slots)) {
    won.claimed++;
    const owner = table.ownerOf(slot);
    if (owner === claimant || state.importing.has(slot)) continue;
    if (owner !== undefined && owner.configEpoch >= epoch && !isDisowned(state, slot)) continue;
    if (owner === myself) won.fromMyself.push(slot);
    else if (owner !== undefined && owner === myself.primary) won.fromMyPrimary.push(slot);
    state.migrating.delete(slot);
    table.assign(slot, claimant);
    state.disowned.delete(slot);
    if (claimant === (myself.primary ?? myself)) forgetReturned(state, slot);
    won.hasChanged = true;
  }
  return won;
}

/** Follows whoever has all that this shard had; what is here of other slots is no data any more. */
function acceptLoss(state: ClusterState, claimant: ClusterNode, { fromMyself, fromMyPrimary, claimed }: Won): void {
  const { myself, facts } = state;
  const lost = fromMyself.length + fromMyPrimary.length;
  const lostAll = lost > 0 && (myself.primary ?? myself).slotCount === 0;
  const isWhole = claimed === lost;
  const orphaned = fromMyself.filter((slot) => facts.countKeysInSlot(slot) > 0);
  const successor = lostAll ? successorOf(state, claimant, isWhole) : undefined;
  if (successor === undefined) {
    if (lostAll && isPrimary(myself)) state.isBereft = true;
    if (areOfOneShard(claimant, myself)) keepForShard(state, orphaned);
    else if (orphaned.length > 0) dropKeys(state, orphaned);
  } else {
    log(state, "notice", `Configuration change detected. Reconfiguring myself as a replica of ${labelOf(successor)}`);
    followPrimary(state, successor, isWhole || areOfOneShard(successor, myself));
  }
  if (claimant === successor || (areOfOneShard(claimant, myself) && successor !== undefined)) return;
  leaveToPrimary(state, successor === undefined ? fromMyPrimary : [...fromMyPrimary, ...orphaned]);
}

/**
 * Whom a shard follows that has lost its last slot to `claimant`. One of its own may have taken its place before or after others
 * got slots of it, so that neither has taken just what the shard owned, as far as was known here.
 */
function successorOf(state: ClusterState, claimant: ClusterNode, isWhole: boolean): ClusterNode | undefined {
  if (state.settings.allowReplicaMigration || isWhole) return claimant;
  const { myself, nodes } = state;
  const isSuccessor = (node: ClusterNode) => node !== myself && isPrimary(node) && areOfOneShard(node, myself);
  return [claimant, ...nodes.values()].find((node) => node.slotCount > 0 && isSuccessor(node));
}

/** After a start this node does not know the others' shards; it may have lost all to one of its own before it hears of that. */
export function followOwnShard(state: ClusterState, sender: ClusterNode): void {
  const { myself } = state;
  if (!state.isBereft || !isPrimary(myself) || myself.slotCount > 0) return;
  if (!isPrimary(sender) || sender.slotCount === 0 || !areOfOneShard(sender, myself)) return;
  state.isBereft = false;
  log(state, "notice", `Slots of this shard are with ${labelOf(sender)}: following it`);
  followPrimary(state, sender, true);
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
    if (isDisowned(state, slot)) continue;
    sendUpdate(state, link, owner);
    return;
  }
}

export function sendUpdate(state: ClusterState, link: Link | undefined, owner: ClusterNode): void {
  send(state, link, {
    type: "update",
    nodeId: owner.id,
    configEpoch: owner.configEpoch,
    slots: claimedSlots(state, owner),
  });
}

/** Tells everybody what `owner` has taken from this node: it may die before they have heard that from itself. */
export function relayClaim(state: ClusterState, owner: ClusterNode): void {
  for (const node of state.nodes.values())
    if (node !== owner && node !== state.myself) sendUpdate(state, node.link, owner);
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
  if (sender.id <= myself.id || state.given.size > 0) return;
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
  const { table, myself } = state;
  // A new epoch in any case: to those who know this one already, an UPDATE with it would tell nothing new.
  if (!takeEpochUnasked(state)) {
    state.currentEpoch++;
    myself.configEpoch = state.currentEpoch;
  }
  for (const slot of slots) {
    table.assign(slot, myself);
    state.surplus.delete(slot);
  }
  needsDurableSave(state);
  needsUpdate(state);
  broadcastPong(state, "all");
}

/** The slots are another node's to take, or are not any more. */
export function giveSlots({ given }: ClusterState, slots: Iterable<number>, isOn: boolean): void {
  for (const slot of slots) {
    if (isOn) given.add(slot);
    else given.delete(slot);
  }
}

/** Takes a higher epoch than one that was taken without asking, as the next one, for a claim that has not come yet. */
export function claimAgain(state: ClusterState): void {
  state.currentEpoch = highestEpoch(state) + 2;
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
