/** UpToDate: every server runs with the password, mode, image, configuration and settings of the current spec. */

import type { ClusterFacts } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

export function upToDate({ pods, passwordProblem, restartWait, modeChange }: ClusterFacts): ConditionVerdict {
  const type = "UpToDate";
  if (passwordProblem !== undefined) {
    return { type, status: "False", reason: "PasswordDiffers", message: passwordProblem };
  }
  if (modeChange !== undefined) return { type, status: "False", ...modeChange };
  const outdated = pods.filter(({ isCurrent }) => !isCurrent).length;
  if (outdated === 0)
    return { type, status: "True", reason: "Current", message: "All servers run with the current spec" };
  const message = `${outdated} of ${pods.length} servers have yet to be restarted with the current spec${restartWait === undefined ? "" : `: ${restartWait}`}`;
  return { type, status: "False", reason: "RestartPending", message };
}
