/** ConfigApplied: servers take every value of spec.config that can change while they run. */

import { conditionOf } from "../api/condition.ts";
import { type ClusterFacts, listOf } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

const type = "ConfigApplied";

export function configApplied({ cluster, refusals }: ClusterFacts): ConditionVerdict | undefined {
  if (refusals === undefined) {
    const known = conditionOf(cluster.status, type);
    return known && { type, status: known.status, reason: known.reason, message: known.message };
  }
  if (refusals.size === 0) {
    return { type, status: "True", reason: "Applied", message: "All servers run with the configuration of the spec" };
  }
  const refused = [...refusals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, words]) => `${name} (${words})`);
  const message = `Servers do not take the value of ${listOf(refused)}: they keep the one they have`;
  return { type, status: "False", reason: "ConfigRefused", message };
}
