/**
 * Slots whose owner does not answer. As long as most primaries live, the servers elect a replica themselves and nobody
 * interferes. When most primaries are lost no election can succeed, and the operator may promote by TAKEOVER, the one
 * action here that could lose writes, so all of this must hold:
 *  - the owner's process surely does not run: Kubernetes says so, or its pod answers with another node id (empty volume);
 *    a silent Kubernetes node is not enough, its primaries may still serve the other side of a partition;
 *  - every other pod of the shard answers, so no better copy can turn up later;
 *  - each replica has been without its primary for the waiting time;
 *  - the one with the highest replication offset is chosen, and it holds a copy (offset above 0).
 * One shard a pass: after the first the remaining primaries may already be enough for an election.
 */

import { shortId } from "./action.ts";
import type { ClusterSurvey, ReachablePod, ShardSurvey } from "./cluster-view.ts";
import { furthest } from "./copies.ts";
import { countSlots } from "./slot-range.ts";
import { NOTHING, type Problem, type Step, type TopologySpec } from "./step.ts";

export function planTakeover(survey: ClusterSurvey, spec: TopologySpec): Step {
  const steps = survey.absentOwners.map((id) => planOwner(survey, id, spec));
  const first = steps.find((step) => step.actions.length > 0);
  return {
    actions: first?.actions ?? [],
    waits: steps.flatMap((step) => step.waits),
    problems: steps.flatMap((step) => step.problems),
  };
}

function planOwner(survey: ClusterSurvey, lostId: string, spec: TopologySpec): Step {
  const replicas = survey.reachable.filter((pod) => pod.self.primaryId === lostId);
  const slots = countSlots(survey.slotsOf.get(lostId) ?? []);
  const best = furthest(replicas);
  if (best === undefined) {
    const message = `${slots} slots belong to node ${shortId(lostId)}, which does not answer and has no replica that does`;
    return { ...NOTHING, problems: [{ reason: "SlotsWithoutNode", message }] };
  }
  if (canElect(survey)) return { ...NOTHING, waits: [`Servers elect a primary for ${slots} slots`] };
  const shard = survey.shards.find(({ index }) => index === replicas[0]?.shard);
  const unsafe = shard && takeoverUnsafe(shard, replicas);
  if (unsafe !== undefined) return { ...NOTHING, problems: [unsafe] };
  if (replicas.some((pod) => pod.node.info.primaryLinkDownSeconds < spec.takeoverAfterSeconds)) {
    return { ...NOTHING, waits: [`Waiting for node ${shortId(lostId)} to return before a replica takes over`] };
  }
  return { ...NOTHING, actions: [{ kind: "Takeover", pod: best.pod, lostId }] };
}

/** Voters are the owners of slots; more than half of all must answer. */
function canElect(survey: ClusterSurvey): boolean {
  const absent = survey.absentOwners.length;
  return (survey.slotsOf.size - absent) * 2 > survey.slotsOf.size;
}

function takeoverUnsafe(shard: ShardSurvey, replicas: readonly ReachablePod[]): Problem | undefined {
  const silent = shard.pods.filter((pod) => !shard.reachable.some((other) => other.pod === pod.pod));
  const unsure = silent.find((pod) => pod.process !== "Gone");
  if (unsure !== undefined) {
    const message = `Most primaries are lost, but pod "${unsure.pod}" of shard ${shard.index} may still run`;
    return { reason: "TakeoverUnsafe", message };
  }
  const isCopyMissing = silent.length > 1 || replicas.some((pod) => pod.shard !== shard.index);
  if (isCopyMissing || replicas.every((pod) => pod.node.info.replicationOffset === 0)) {
    const message = `Most primaries are lost, and a better copy of shard ${shard.index} may exist in a pod that does not answer`;
    return { reason: "TakeoverUnsafe", message };
  }
  return undefined;
}
