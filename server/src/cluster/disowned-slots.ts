/**
 * Slots that a node does not claim any more though it is their owner as far as is known here. It has given them to another
 * primary (slot-migration/, CLUSTER SETSLOT), whose claim has not come, and may have a newer epoch than that claim by now,
 * having been given others itself. By epochs alone the claim would lose here for ever; and an UPDATE from here would take
 * the slots from their new owner, whom the old one has told that it is rid of them. So whoever claims such a slot wins it,
 * and nobody is told that it is the old one's.
 */

import type { ClusterNode } from "./cluster-node.ts";
import { clearSlot, equalSlots, hasSlot, slotsOf } from "./slot-bitmap.ts";
import type { ClusterState } from "./state.ts";

/** A primary has said which slots it owns. */
export function noteClaims({ disowned }: ClusterState, sender: ClusterNode, slots: Uint8Array): void {
  for (const [slot, owner] of disowned) if (owner === sender && hasSlot(slots, slot)) disowned.delete(slot);
  if (equalSlots(sender.slots, slots)) return;
  for (const slot of slotsOf(sender.slots)) if (!hasSlot(slots, slot)) disowned.set(slot, sender);
}

export function isDisowned({ disowned, table }: ClusterState, slot: number): boolean {
  const owner = disowned.get(slot);
  return owner !== undefined && table.ownerOf(slot) === owner;
}

/** What the node owns, as far as is known, and claims. */
export function claimedSlots(state: ClusterState, node: ClusterNode): Uint8Array {
  const slots = node.slots.slice();
  for (const slot of state.disowned.keys()) if (isDisowned(state, slot)) clearSlot(slots, slot);
  return slots;
}
