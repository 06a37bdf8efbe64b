/**
 * Keeps the role label of each pod to what its server says, because the write and read Services select by it. A primary is
 * one that owns slots; whoever is neither that nor a replica gets no traffic. A pod that does not answer keeps its label
 * unless another pod took its shard over: then it must not get writes when it comes back.
 * Nothing is labelled while the cluster is held back: no Service leads to it then.
 */

import { ROLE_LABEL } from "../api/labels.ts";
import { isHeldBack } from "../status/restore-state.ts";
import type { ClusterSurvey, ReachablePod } from "../topology/cluster-view.ts";
import { PROCEED, type Step } from "./step.ts";

export const labelRoles: Step = {
  name: "label roles",
  changes: true,
  run: async ({ name, plan, restore, dependencies }) => {
    if (plan === undefined || isHeldBack(restore)) return PROCEED;
    for (const pod of dependencies.store.pods(name)) {
      const current = pod.metadata.labels?.[ROLE_LABEL];
      const wanted = wantedRole(plan.survey, pod.metadata.name, current);
      if (wanted === current) continue;
      await dependencies.store.patchLabels(pod, { [ROLE_LABEL]: wanted ?? null });
      dependencies.log.info("Labelled pod", { pod: pod.metadata.name, role: wanted ?? "none" });
    }
    return PROCEED;
  },
};

function wantedRole(survey: ClusterSurvey, name: string, current: string | undefined): string | undefined {
  const reachable = survey.reachable.find(({ pod }) => pod === name);
  if (reachable !== undefined) return roleOf(survey, reachable);
  const shard = survey.shards.find(({ pods }) => pods.some(({ pod }) => pod === name));
  const isReplaced = current === "primary" && (shard?.owners.length ?? 0) > 0;
  return isReplaced ? undefined : current;
}

function roleOf(survey: ClusterSurvey, pod: ReachablePod): string | undefined {
  if (survey.slotsOf.has(pod.node.id)) return "primary";
  return pod.self.primaryId === undefined ? undefined : "replica";
}
