/** UpToDate: every server runs with the image, configuration and settings of the current spec. */

import type { ClusterFacts } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

export function upToDate({ pods }: ClusterFacts): ConditionVerdict {
  const type = "UpToDate";
  const outdated = pods.filter(({ isCurrent }) => !isCurrent).length;
  if (outdated === 0)
    return { type, status: "True", reason: "Current", message: "All servers run with the current spec" };
  const message = `${outdated} of ${pods.length} servers take the current spec with their next restart`;
  return { type, status: "False", reason: "RestartPending", message };
}
