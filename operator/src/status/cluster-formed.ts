/** ClusterFormed: the slots were handed out once, so the servers are one cluster. It stays true when some of them fail. */

import type { ClusterFacts } from "./cluster-facts.ts";
import { wasFormed } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

export function clusterFormed(facts: ClusterFacts): ConditionVerdict {
  const type = "ClusterFormed";
  const isFormed =
    wasFormed(facts) || (facts.plan?.survey.unassigned.length === 0 && facts.plan.survey.slotsOf.size > 0);
  if (isFormed) return { type, status: "True", reason: "Formed", message: "The servers are one cluster" };
  const { plan } = facts;
  const reason = plan === undefined ? "ServersUnknown" : "Forming";
  return { type, status: "False", reason, message: plan?.waits[0] ?? "The servers are being joined" };
}
