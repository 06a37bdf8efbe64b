/** SlotsAssigned: each of the 16,384 slots belongs to a server that answers. */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { type ClusterFacts, servedSlots } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

export function slotsAssigned(facts: ClusterFacts): ConditionVerdict {
  const type = "SlotsAssigned";
  if (facts.plan === undefined) {
    return { type, status: "Unknown", reason: "ServersUnknown", message: "The servers were not asked" };
  }
  const served = servedSlots(facts);
  const message = `${served} of ${SLOT_COUNT} slots are served`;
  if (served === SLOT_COUNT) return { type, status: "True", reason: "AllServed", message };
  const isUnowned = facts.plan.survey.unassigned.length > 0;
  return { type, status: "False", reason: isUnowned ? "SlotsUnassigned" : "OwnerUnreachable", message };
}
