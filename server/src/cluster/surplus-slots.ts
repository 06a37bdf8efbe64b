/**
 * Slots of other nodes of which there are keys here that are no data of the cluster: leftovers of slots that others have won,
 * and copies on their way in (slot-migration/). They are served to nobody, and deleted unless their slots become ours first.
 * nodes.conf remembers them, and replicas are told of copies, so that neither a restart nor a failover makes data of them.
 *
 * LEFTOVERS are what a replica still has of slots that its primary has lost, or of copies that did not become the primary's.
 * Their deletion comes in the stream; should the primary die before, they are surplus of the replica that takes its place. They are
 * not remembered: the primary may have got the slot's keys back one by one (CLUSTER SETSLOT) while the replica was down.
 */

import { areOfOneShard, isPrimary } from "./cluster-node.ts";
import { type ClusterState, log, needsDurableSave, needsSave } from "./state.ts";

/** By then all that reach this primary have told it what they own. */
const KEPT_TIMEOUTS = 2;

/** Copies of these are about to come; remembered on the disk before the first one does. */
export function expectCopies(state: ClusterState, slots: Iterable<number>): void {
  for (const slot of slots) state.surplus.add(slot);
  needsDurableSave(state);
}

/** The primary of this replica owns the slot: what is here of it is data. */
export function forgetReturned(state: ClusterState, slot: number): void {
  state.surplus.delete(slot);
  state.leftovers.delete(slot);
}

/** On a replica: of the copies that its primary had, it will not be told that they are deleted. */
export function doubtCopies(state: ClusterState): void {
  if (state.surplus.size === 0) return;
  leaveToPrimary(state, [...state.surplus]);
  state.surplus.clear();
  needsSave(state);
}

/** On a replica, or on who becomes one: keys of these slots, which are no data, go with what its primary sends. */
export function leaveToPrimary(state: ClusterState, slots: readonly number[]): void {
  for (const slot of slots) state.leftovers.add(slot);
}

/**
 * One of its shard has taken these slots from this primary, which has others left as far as it knows. When it hears that those are
 * gone too it is that one's replica, and then its data may be all that is left of the shard's, should that one die.
 */
export function keepForShard(state: ClusterState, slots: readonly number[]): void {
  leaveToPrimary(state, slots);
  state.replacedAt = state.now;
}

/** It has heard of nothing more: its other slots are its own, and what it kept is no data of anybody's. */
function dropKept(state: ClusterState): void {
  const { leftovers, table, importing, myself, facts, settings, guard } = state;
  if (leftovers.size === 0 || state.now - state.replacedAt < settings.nodeTimeoutMs * KEPT_TIMEOUTS) return;
  const isForeign = (slot: number): boolean => table.ownerOf(slot) !== myself && !importing.has(slot);
  const slots = [...leftovers].filter((slot) => isForeign(slot) && facts.countKeysInSlot(slot) > 0);
  leftovers.clear();
  if (slots.length === 0) return;
  guard.holdsShardData = false;
  dropKeys(state, slots);
}

/** Ten times a second: the primary of this replica has deleted its keys of slots that it has lost. */
export function tickLeftovers(state: ClusterState): void {
  const { leftovers, facts, myself } = state;
  if (isPrimary(myself)) {
    dropKept(state);
    return;
  }
  if (leftovers.size === 0 || !facts.primaryLinkUp()) return;
  for (const slot of leftovers) if (facts.countKeysInSlot(slot) === 0) leftovers.delete(slot);
}

/** Their keys have gone. */
export function forgetSurplus(state: ClusterState, slots: Iterable<number>): void {
  for (const slot of slots) state.surplus.delete(slot);
  needsSave(state);
}

/** This node is a primary now, by a start or an election: nothing more comes of what was on its way then. */
export function dropSurplus(state: ClusterState): void {
  const { surplus, leftovers, table, myself } = state;
  for (const slot of leftovers) {
    const owner = table.ownerOf(slot);
    // Of those that another one of its shard has taken, as `keepForShard` says.
    if (owner !== undefined && owner !== myself && areOfOneShard(owner, myself)) continue;
    leftovers.delete(slot);
    if (owner !== undefined) surplus.add(slot);
  }
  state.replacedAt = state.now;
  for (const slot of surplus) if (table.ownerOf(slot) === myself) surplus.delete(slot);
  if (surplus.size === 0) return;
  log(state, "notice", `Deleting the keys of ${surplus.size} slots that belong to other nodes`);
  dropKeys(state, [...surplus]);
}

/** Slots that have become ours while there are keys of them that do not count: those keys go first. */
export function returnedSlots({ surplus, table, importing }: ClusterState): number[] {
  return [...surplus].filter((slot) => table.ownedByMe[slot] === 1 || importing.has(slot));
}

export function dropKeys(state: ClusterState, slots: readonly number[]): void {
  for (const slot of slots) state.surplus.add(slot);
  needsSave(state);
  state.outbox.push({ kind: "dropSlotKeys", slots });
}
