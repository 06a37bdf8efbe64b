/**
 * Making the other pods of a shard follow the one that owns its slots: new pods, pods that came back with an empty
 * directory, replicas whose primary is gone or belongs elsewhere, and replicas whose link still points at an old address.
 *
 * Only an owner is followed; where a shard's slots belong to a node that does not answer, its replicas are left to the
 * servers' election. A node with keys but no slots is not told to drop them. Where two pods of one shard own slots, the
 * cluster was laid out by somebody else: it serves, so it is left alone and reported.
 */

import type { Action } from "./action.ts";
import { type ClusterSurvey, entryFor, isSuspected, type ReachablePod, type ShardSurvey } from "./cluster-view.ts";
import { chooseLeader } from "./plan-slots.ts";
import { NOTHING, type Problem, type Step } from "./step.ts";

export function planReplicas(survey: ClusterSurvey): Step {
  const steps = survey.shards.map((shard) => planShard(survey, shard));
  return {
    actions: steps.flatMap((step) => step.actions),
    waits: steps.flatMap((step) => step.waits),
    problems: steps.flatMap((step) => step.problems),
  };
}

function planShard(survey: ClusterSurvey, shard: ShardSurvey): Step {
  if (shard.owners.length > 1) {
    const names = shard.owners.map((pod) => pod.pod).join(", ");
    const message = `Several pods of shard ${shard.index} own slots: ${names}`;
    return { ...NOTHING, problems: [{ reason: "SeveralPrimaries", message }] };
  }
  const leader = shard.owners[0] ?? leaderWithoutSlots(survey, shard);
  if (leader === undefined) return NOTHING;
  const others = shard.reachable.filter((pod) => pod !== leader);
  const filled = others.filter((pod) => pod.self.primaryId === undefined && pod.node.info.keys > 0);
  const lost = others.filter((pod) => !filled.includes(pod) && !isFollowing(pod, leader));
  const actions = lost
    .filter((pod) => knowsWell(pod, leader))
    .map((pod): Action => ({ kind: "Replicate", pod: pod.pod, primary: leader.pod, primaryId: leader.node.id }));
  const waits = lost.filter((pod) => !knowsWell(pod, leader)).map((pod) => `${pod.pod} learns of ${leader.pod}`);
  return { actions, waits: [...waits, ...others.flatMap(syncWait)], problems: filled.map(describeFilled) };
}

/** A shard without slots gets replicas only where all slots are served: otherwise these pods may be the remains of an owner. */
function leaderWithoutSlots(survey: ClusterSurvey, shard: ShardSurvey): ReachablePod | undefined {
  const isServed = survey.unassigned.length === 0 && survey.absentOwners.length === 0;
  return isServed ? chooseLeader(shard) : undefined;
}

function isFollowing(pod: ReachablePod, leader: ReachablePod): boolean {
  if (pod.self.primaryId !== leader.node.id) return false;
  const { isPrimaryLinkUp, primaryHost } = pod.node.info;
  const { ip, hostname } = leader.address;
  return isPrimaryLinkUp || primaryHost === undefined || primaryHost === ip || primaryHost === hostname;
}

/** REPLICATE looks the primary up in the pod's own table: a stale address would send it astray, a stale role is refused. */
function knowsWell(pod: ReachablePod, leader: ReachablePod): boolean {
  const entry = entryFor(pod, leader.node.id);
  if (entry === undefined || isSuspected(entry) || entry.primaryId !== undefined) return false;
  return entry.ip === leader.address.ip && entry.port === leader.address.port;
}

function syncWait(pod: ReachablePod): readonly string[] {
  const { role, isPrimaryLinkUp, isFullSyncRunning } = pod.node.info;
  if (role !== "replica" || isPrimaryLinkUp) return [];
  return [isFullSyncRunning ? `${pod.pod} copies the data of its primary` : `${pod.pod} connects to its primary`];
}

function describeFilled(pod: ReachablePod): Problem {
  const message = `Pod "${pod.pod}" is a primary with keys but without slots`;
  return { reason: "DataWithoutSlots", message };
}
