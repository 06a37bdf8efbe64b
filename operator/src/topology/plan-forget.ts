/**
 * Removing entries of nodes that are surely gone: every pod that should exist answers under another node id, the entry is
 * failed or has no address in some table and is healthy in none, it owns no slots, and no pod follows it. So a node that
 * is only slow, restarting or just met is never forgotten, and the 60 s ban of CLUSTER FORGET never hits a live one.
 * Every pod that has the entry is told in the same pass, or gossip would bring it back.
 *
 * Where data goes with the pod, an owner of slots whose whole shard has come back under other ids is gone with its data:
 * it is forgotten too, and its slots go to the shard as in a forming.
 */

import type { Action } from "./action.ts";
import type { ClusterSurvey } from "./cluster-view.ts";
import { NOTHING, type Step, type TopologySpec } from "./step.ts";

export function planForget(survey: ClusterSurvey, spec: TopologySpec): Step {
  if (survey.reachable.length < survey.pods.length) return NOTHING;
  const gone = [...strangers(survey)].filter((id) => isGone(survey, id, spec)).sort();
  const actions = gone.flatMap((nodeId) =>
    survey.reachable
      .filter((pod) => pod.node.entries.some((entry) => entry.id === nodeId))
      .map((pod): Action => ({ kind: "Forget", pod: pod.pod, nodeId })),
  );
  return { ...NOTHING, actions };
}

function strangers(survey: ClusterSurvey): ReadonlySet<string> {
  const ids = survey.reachable.flatMap((pod) => pod.node.entries).filter((entry) => !entry.flags.has("handshake"));
  return new Set(ids.map((entry) => entry.id).filter((id) => !survey.byId.has(id)));
}

function isGone(survey: ClusterSurvey, id: string, { isEphemeral }: TopologySpec): boolean {
  if (survey.slotsOf.has(id) && !isEphemeral) return false;
  const followers = survey.reachable.filter((pod) => pod.self.primaryId === id);
  const entries = survey.reachable.flatMap((pod) => pod.node.entries.filter((entry) => entry.id === id));
  const isFailed = entries.some((entry) => entry.flags.has("fail") || entry.flags.has("noaddr"));
  const isHealthySomewhere = entries.some((entry) => entry.isLinkConnected && !entry.flags.has("fail"));
  return followers.length === 0 && isFailed && !isHealthySomewhere;
}
