/** Progressing: the operator is changing something or waits for something that comes by itself. */

import type { ClusterFacts } from "./cluster-facts.ts";
import { intendedRest, obstacle } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";
import { isHeldBack } from "./restore-state.ts";

export function progressing(facts: ClusterFacts): ConditionVerdict {
  const type = "Progressing";
  const { cluster, plan, halt, pods, restore } = facts;
  if (cluster.spec.paused) return { type, status: "False", reason: "Paused", message: "spec.paused is true" };
  if (halt !== undefined) return { type, status: "False", reason: halt.reason, message: halt.message };
  const rest = intendedRest(facts);
  if (rest !== undefined) return { type, status: "True", reason: rest.reason, message: rest.message };
  const isBusy = plan === undefined || plan.actions.length > 0 || plan.waits.length > 0 || isHeldBack(restore);
  if (!isBusy && pods.every(({ isReady }) => isReady)) {
    return { type, status: "False", reason: "Settled", message: "Nothing is left to do" };
  }
  const reason = plan?.actions[0]?.kind ?? (isHeldBack(restore) ? restore?.state.reason : undefined) ?? "Waiting";
  return { type, status: "True", reason, message: obstacle(facts) ?? "Telling the servers what to do" };
}
