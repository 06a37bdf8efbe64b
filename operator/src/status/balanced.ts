/** Balanced: the slots are spread evenly over the shards that the spec asks for. While they move, all of them are served. */

import { loadsOf, slotsToMove } from "../topology/balance.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

export function balanced({ cluster, plan }: ClusterFacts): ConditionVerdict {
  const type = "Balanced";
  const { shards } = cluster.spec;
  const loads = plan && loadsOf(plan.survey, shards);
  if (loads === undefined) {
    return { type, status: "Unknown", reason: "OwnersUnknown", message: "Some slots have no server that answers" };
  }
  const left = slotsToMove(loads, shards);
  const leaving = loads.filter(({ index }) => index >= shards).length;
  if (left > 0) {
    const why =
      leaving > 0 ? `${leaving} ${leaving === 1 ? "shard leaves" : "shards leave"}` : `there are ${shards} shards`;
    return { type, status: "False", reason: "MovingSlots", message: `${left} slots have yet to move: ${why}` };
  }
  if (leaving > 0) {
    return {
      type,
      status: "False",
      reason: "RemovingShards",
      message: `${leaving} empty ${leaving === 1 ? "shard is" : "shards are"} removed`,
    };
  }
  return { type, status: "True", reason: "Balanced", message: `The slots are spread evenly over ${shards} shards` };
}
