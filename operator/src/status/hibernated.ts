/** Hibernated: nothing runs, and everything is saved. Only where spec.hibernated is true, and until all are awake again. */

import type { ClusterFacts } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

export function hibernated({ hibernation }: ClusterFacts): ConditionVerdict | undefined {
  if (hibernation === undefined) return undefined;
  const { kind, reason, message } = hibernation;
  return { type: "Hibernated", status: kind === "hibernated" ? "True" : "False", reason, message };
}
