/** Restored: the backup that spec.bootstrap names is in the cluster. Only where it names one; once true it stays so. */

import { conditionOf } from "../api/condition.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

const type = "Restored";

export function restored({ cluster, restore }: ClusterFacts): ConditionVerdict | undefined {
  if (restore !== undefined) {
    const { kind, reason, message } = restore.state;
    return { type, status: kind === "done" ? "True" : "False", reason, message };
  }
  if (cluster.spec.bootstrap === undefined) return undefined;
  const known = conditionOf(cluster.status, type);
  const unknown = { type, status: "False", reason: "ServersUnknown", message: "The servers were not asked" } as const;
  return known === undefined ? unknown : { type, status: known.status, reason: known.reason, message: known.message };
}
