/** ConfigApplied: servers take every value of spec.config that can change while they run. */

import { type ClusterFacts, listOf } from "./cluster-facts.ts";
import { type ConditionVerdict, lastVerdict } from "./condition-verdict.ts";

const type = "ConfigApplied";

export function configApplied({ cluster, refusals }: ClusterFacts): ConditionVerdict | undefined {
  if (refusals === undefined) return lastVerdict(cluster, type);
  if (refusals.size === 0) {
    return { type, status: "True", reason: "Applied", message: "All servers run with the configuration of the spec" };
  }
  const refused = [...refusals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, words]) => `${name} (${words})`);
  const message = `Servers do not take the value of ${listOf(refused)}: they keep the one they have`;
  return { type, status: "False", reason: "ConfigRefused", message };
}
