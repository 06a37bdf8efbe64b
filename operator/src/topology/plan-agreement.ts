/**
 * Waiting until all servers say the same. Gossip brings the last change to every table within seconds; until then a client
 * may ask a server that refuses its request or sends it to the wrong place, so the cluster is not settled: each server must
 * report the cluster as ok, and each table must name the same owners of slots and the same primary for each replica.
 */

import type { NodeEntry } from "./cluster-nodes.ts";
import { type ClusterSurvey, entryFor, type ReachablePod } from "./cluster-view.ts";
import { isSameRanges } from "./slot-range.ts";
import { NOTHING, type Step } from "./step.ts";

export function planAgreement(survey: ClusterSurvey): Step {
  const waits = survey.reachable.flatMap((pod) => {
    const wait = disagreement(survey, pod);
    return wait === undefined ? [] : [wait];
  });
  return { ...NOTHING, waits };
}

function disagreement(survey: ClusterSurvey, pod: ReachablePod): string | undefined {
  const differs = pod.node.entries.find((entry) => !isSlotViewRight(survey, entry));
  if (differs !== undefined) {
    const name = survey.byId.get(differs.id)?.pod ?? `node ${differs.id}`;
    return `${pod.pod} learns which slots ${name} serves`;
  }
  const peer = survey.reachable.find((other) => !isRoleViewRight(entryFor(pod, other.node.id), other));
  if (peer !== undefined) return `${pod.pod} learns whom ${peer.pod} follows`;
  return pod.node.cluster.isOk ? undefined : `${pod.pod} waits until it sees the whole cluster`;
}

function isSlotViewRight(survey: ClusterSurvey, entry: NodeEntry): boolean {
  return isSameRanges(entry.slots, survey.slotsOf.get(entry.id) ?? []);
}

/** A peer that is not in the table at all is the business of planMeet. */
function isRoleViewRight(entry: NodeEntry | undefined, peer: ReachablePod): boolean {
  return entry === undefined || entry.primaryId === peer.self.primaryId;
}
