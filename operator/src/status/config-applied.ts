/** ConfigApplied: servers take every value of spec.config that can change while they run. */

import { type ClusterFacts, listOf } from "./cluster-facts.ts";
import { type ConditionVerdict, lastVerdict } from "./condition-verdict.ts";
import { unheardAddition, unheardVerdict } from "./turnout.ts";

const type = "ConfigApplied";

export function configApplied({ cluster, refusals, configTurnout, halt }: ClusterFacts): ConditionVerdict | undefined {
  const reason = "ConfigRefused";
  if (halt?.reason === reason) return { type, status: "False", reason, message: halt.message };
  if (refusals.size > 0) {
    const refused = `Servers do not take the value of ${refusedList(refusals)}: they keep the one they have`;
    return { type, status: "False", reason, message: `${refused}${unheardAddition(configTurnout)}` };
  }
  if (configTurnout === undefined) return lastVerdict(cluster, type);
  const message = "All servers run with the configuration of the spec";
  return unheardVerdict(type, configTurnout) ?? { type, status: "True", reason: "Applied", message };
}

/** Directives with the servers' words. */
export function refusedList(refusals: ReadonlyMap<string, string>): string {
  return listOf([...refusals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, words]) => `${name} (${words})`));
}
