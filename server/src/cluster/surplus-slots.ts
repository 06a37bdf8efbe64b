/**
 * Slots of other nodes of which there are keys here that are no data of the cluster: leftovers of slots that others have won,
 * and copies on their way in (slot-migration/). They are served to nobody, and deleted unless their slots become ours first.
 * nodes.conf remembers them, and replicas are told of copies, so that neither a restart nor a failover makes data of them.
 */

import { type ClusterState, log, needsDurableSave, needsSave } from "./state.ts";

/** Copies of these are about to come; remembered on the disk before the first one does. */
export function expectCopies(state: ClusterState, slots: Iterable<number>): void {
  for (const slot of slots) state.surplus.add(slot);
  needsDurableSave(state);
}

/** Their keys have gone. */
export function forgetSurplus(state: ClusterState, slots: Iterable<number>): void {
  for (const slot of slots) state.surplus.delete(slot);
  needsSave(state);
}

/** This node is a primary now, by a start or an election: nothing more comes of what was on its way then. */
export function dropSurplus(state: ClusterState): void {
  const { surplus, table, myself } = state;
  for (const slot of surplus) if (table.ownerOf(slot) === myself) surplus.delete(slot);
  if (surplus.size === 0) return;
  log(state, "notice", `Deleting the keys of ${surplus.size} slots that belong to other nodes`);
  dropKeys(state, [...surplus]);
}

export function dropKeys(state: ClusterState, slots: readonly number[]): void {
  for (const slot of slots) state.surplus.add(slot);
  needsSave(state);
  state.outbox.push({ kind: "dropSlotKeys", slots });
}
