/** Restored: the backup that spec.bootstrap names is in the cluster. Only where it names one; once true it stays so. */

import type { ClusterFacts } from "./cluster-facts.ts";
import { type ConditionVerdict, lastVerdict } from "./condition-verdict.ts";

const type = "Restored";

export function restored({ cluster, restore }: ClusterFacts): ConditionVerdict | undefined {
  if (restore !== undefined) {
    const { kind, reason, message } = restore.state;
    return { type, status: kind === "done" ? "True" : "False", reason, message };
  }
  if (cluster.spec.bootstrap === undefined) return undefined;
  const unknown = { type, status: "False", reason: "ServersUnknown", message: "The servers were not asked" } as const;
  return lastVerdict(cluster, type) ?? unknown;
}
