/**
 * Keeps the role label of each pod to what its server says, because the write and read Services select by it. A primary is
 * one that owns slots; whoever is neither that nor a replica gets no traffic. A pod that does not answer keeps its label
 * unless another pod took its shard over: then it must not get writes when it comes back.
 * Nothing is labelled while the cluster is held back: no Service leads to it then.
 *
 * In mode Replication a second label says whom to read from: replicas that are ready, or the primary where there is none.
 */

import { READS_LABEL, ROLE_LABEL } from "../api/labels.ts";
import { isPodReady } from "../pod-readiness.ts";
import { isHeldBack } from "../status/restore-state.ts";
import type { ClusterSurvey, ReachablePod } from "../topology/cluster-view.ts";
import type { Pod } from "./pod.ts";
import { PROCEED, type Step } from "./step.ts";

export const labelRoles: Step = {
  name: "label roles",
  changes: true,
  run: async ({ name, cluster, plan, restore, dependencies }) => {
    if (plan === undefined || isHeldBack(restore)) return PROCEED;
    const pods = dependencies.store.pods(name);
    const roles = new Map(
      pods.map((pod) => [pod, wantedRole(plan.survey, pod.metadata.name, pod.metadata.labels?.[ROLE_LABEL])]),
    );
    const readFrom = cluster.spec.mode === "Replication" ? readable(roles) : [];
    for (const [pod, role] of roles) {
      const labels = { [ROLE_LABEL]: role, [READS_LABEL]: readFrom.includes(pod) ? "yes" : undefined };
      const changes = Object.entries(labels).filter(([label, value]) => pod.metadata.labels?.[label] !== value);
      if (changes.length === 0) continue;
      await dependencies.store.patchLabels(
        pod,
        Object.fromEntries(changes.map(([label, value]) => [label, value ?? null])),
      );
      dependencies.log.info("Labelled pod", { pod: pod.metadata.name, role: role ?? "none" });
    }
    return PROCEED;
  },
};

function readable(roles: ReadonlyMap<Pod, string | undefined>): readonly Pod[] {
  const replicas = [...roles].filter(([pod, role]) => role === "replica" && isPodReady(pod));
  const those = replicas.length > 0 ? replicas : [...roles].filter(([, role]) => role === "primary");
  return those.map(([pod]) => pod);
}

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
