/**
 * Assigning slots, once in the life of a cluster: an even split over the shards, when nobody owns any slot and every pod
 * that should exist answers, knows all the others and is empty. It also finishes a forming that stopped half way: shards
 * that already have exactly their share keep it, the others get theirs. In every other case slots are left alone, and
 * slots that nobody owns in a cluster that holds data, or held some before its volumes came up empty, are a problem to
 * report, not to repair by guessing.
 */

import type { Action } from "./action.ts";
import type { ClusterSurvey, ReachablePod, ShardSurvey } from "./cluster-view.ts";
import { isFullyMeshed } from "./plan-join.ts";
import {
  countSlots,
  formatRanges,
  hasOverlap,
  isSameRanges,
  lastSlots,
  type SlotRange,
  splitEvenly,
  subtractRanges,
} from "./slot-range.ts";
import { NOTHING, type Problem, type Step, type TopologySpec } from "./step.ts";

export function planSlots(survey: ClusterSurvey, spec: TopologySpec): Step {
  if (survey.unassigned.length === 0) return NOTHING;
  const wait = formingWait(survey);
  if (wait !== undefined) return { ...NOTHING, waits: [wait] };
  const shares = splitEvenly(spec.shards);
  const isReplacement = spec.isEphemeral && survey.slotsOf.size > 0 && !isPartOfForming(survey, shares);
  if (isReplacement) return planReplacement(survey, spec);
  const blocked = spec.isFormed ? lossOf(survey) : formingBlocked(survey, shares);
  if (blocked !== undefined) return { ...NOTHING, problems: [blocked] };
  const actions = survey.shards
    .filter((shard) => shard.owners.length === 0)
    .flatMap((shard): readonly Action[] => {
      const share = shares[shard.index];
      const leader = chooseLeader(shard);
      return share === undefined || leader === undefined
        ? []
        : [{ kind: "AddSlots", pod: leader.pod, ranges: [share] }];
    });
  return { ...NOTHING, actions };
}

/**
 * Where data goes with pods and slots have moved between shards before: what was lost goes to the shards that came back with
 * nothing, whatever it was. If it was not theirs, moving slots evens it out later.
 */
function planReplacement(survey: ClusterSurvey, { shards }: TopologySpec): Step {
  const leaders = survey.shards
    .filter(({ index, owners }) => index < shards && owners.length === 0)
    .flatMap((shard) => chooseLeader(shard) ?? []);
  const filled = leaders.find(({ node }) => node.info.keys > 0);
  if (leaders.length === 0 || filled !== undefined || survey.absentOwners.length > 0) {
    return { ...NOTHING, problems: [lossOf(survey)] };
  }
  let left = survey.unassigned;
  const actions = leaders.flatMap(({ pod }, place): readonly Action[] => {
    const ranges = lastSlots(left, Math.ceil(countSlots(left) / (leaders.length - place)));
    left = subtractRanges(left, ranges);
    return ranges.length === 0 ? [] : [{ kind: "AddSlots", pod, ranges }];
  });
  return { ...NOTHING, actions };
}

/** Who leads a shard in which nobody owns slots: whom the others follow already, else the first that is not a replica. */
export function chooseLeader(shard: ShardSurvey): ReachablePod | undefined {
  const primaries = shard.reachable.filter((pod) => pod.self.primaryId === undefined);
  const isFollowed = (pod: ReachablePod): boolean =>
    shard.reachable.some((other) => other.self.primaryId === pod.node.id);
  return primaries.find(isFollowed) ?? primaries[0];
}

function formingWait(survey: ClusterSurvey): string | undefined {
  const missing = survey.pods.find((pod) => !survey.reachable.some((other) => other.pod === pod.pod));
  if (missing !== undefined) return `Slots wait for pod "${missing.pod}" to answer`;
  const loading = survey.reachable.find((pod) => pod.node.info.isLoading);
  if (loading !== undefined) return `Slots wait for pod "${loading.pod}" to load its data`;
  return isFullyMeshed(survey) ? undefined : "Slots wait until all servers know each other";
}

function formingBlocked(survey: ClusterSurvey, shares: readonly SlotRange[]): Problem | undefined {
  const isFirst = survey.slotsOf.size === 0;
  if (!isFirst && !isPartOfForming(survey, shares)) {
    return lossOf(survey);
  }
  const receiving = survey.shards.filter((shard) => shard.owners.length === 0).flatMap((shard) => shard.reachable);
  const filled = receiving.find((pod) => pod.node.info.keys > 0);
  if (filled !== undefined) {
    const message = `Pod "${filled.pod}" holds keys but owns no slots`;
    return { reason: "DataWithoutSlots", message };
  }
  const taken = [...survey.slotsOf.values()].flat();
  const clash = receiving.map((pod) => shares[pod.shard]).find((share) => share && hasOverlap([share], taken));
  return clash && { reason: "SlotsUnassigned", message: `Slots ${formatRanges([clash])} are owned by another shard` };
}

function isPartOfForming(survey: ClusterSurvey, shares: readonly SlotRange[]): boolean {
  return (
    survey.absentOwners.length === 0 &&
    survey.shards.every(({ index, owners }) => owners.length === 0 || hasExactShare(survey, owners, shares[index]))
  );
}

function lossOf({ unassigned, slotsOf }: ClusterSurvey): Problem {
  const message =
    slotsOf.size === 0
      ? "The cluster was formed, but no server knows of it any more: are their volumes the right ones?"
      : `${countSlots(unassigned)} slots have no owner: ${formatRanges(unassigned)}`;
  return { reason: "SlotsUnassigned", message };
}

function hasExactShare(survey: ClusterSurvey, owners: readonly ReachablePod[], share: SlotRange | undefined): boolean {
  const owned = owners.flatMap((owner) => survey.slotsOf.get(owner.node.id) ?? []);
  return share !== undefined && owners.length === 1 && isSameRanges(owned, [share]);
}
