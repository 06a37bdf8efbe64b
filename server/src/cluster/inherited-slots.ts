/**
 * Slots of a primary that has died just after it took them. A replica of its shard may have been elected in its place without
 * having heard of that, by voters who had not heard of it either: what the old primary is known to own then belongs to nobody
 * who lives. Whoever knows of such slots tells the successor, and that takes them: it was elected in a later epoch than the one
 * in which they became the old primary's.
 */

import { areOfOneShard, type ClusterNode, isFailed, isPrimary, labelOf } from "./cluster-node.ts";
import { broadcastPong } from "./gossip.ts";
import { slotsOf } from "./slot-bitmap.ts";
import { sendUpdate } from "./slot-claims.ts";
import { type ClusterState, log, needsDurableSave, needsUpdate } from "./state.ts";

/** Once a second. */
export function passOnSlots(state: ClusterState): void {
  const nodes = [...state.nodes.values()];
  for (const dead of nodes.filter((node) => isFailed(node) && isPrimary(node) && node.slotCount > 0)) {
    const successor = nodes.find((node) => isSuccessor(node, dead));
    if (successor === state.myself) inherit(state, dead);
    else if (successor?.link?.isOpen === true) sendUpdate(state, successor.link, dead);
  }
}

function isSuccessor(node: ClusterNode, dead: ClusterNode): boolean {
  const leads = isPrimary(node) && node.slotCount > 0 && !isFailed(node);
  return leads && node.configEpoch > dead.configEpoch && areOfOneShard(node, dead);
}

function inherit(state: ClusterState, dead: ClusterNode): void {
  log(state, "notice", `Taking over ${dead.slotCount} slots that ${labelOf(dead)} had taken before it failed`);
  for (const slot of slotsOf(dead.slots)) state.table.assign(slot, state.myself);
  needsDurableSave(state);
  needsUpdate(state);
  broadcastPong(state, "all");
}
