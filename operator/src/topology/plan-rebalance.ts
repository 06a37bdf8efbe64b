/**
 * Moving slots when the number of shards changes: one migration at a time, which a server carries out by itself and which
 * either moves its slots with all their keys or nothing. The next one is worked out anew from who owns what then, so it does
 * not matter who planned the last, or whether it failed; a change of mind in the middle is just another spec.
 *
 * Nothing moves while an owner does not answer, while tables differ, while some shard that gets slots has no copy to keep
 * them safe, or while a backup reads the shards. Other servers that are missing hold up nothing.
 */

import { loadsOf, type Move, nextMove } from "./balance.ts";
import type { ClusterSurvey, ReachablePod, ShardSurvey } from "./cluster-view.ts";
import { isInSync } from "./copies.ts";
import { planAgreement } from "./plan-agreement.ts";
import { chooseLeader } from "./plan-slots.ts";
import { formatRanges } from "./slot-range.ts";
import { NOTHING, type Step, type TopologySpec } from "./step.ts";

export function planRebalance(survey: ClusterSurvey, spec: TopologySpec): Step {
  const running = survey.reachable.flatMap((pod) => [...underWay(pod), ...openByHand(pod)]);
  if (running.length > 0) return { ...NOTHING, waits: running };
  const loads = loadsOf(survey, spec.shards);
  const move = loads && nextMove(loads, spec.shards);
  if (move === undefined) return { ...NOTHING, waits: survey.shards.flatMap((shard) => leaving(shard, spec)) };
  if (survey.shards.some(({ owners }) => owners.length > 1)) return NOTHING;
  const source = survey.shards.find(({ index }) => index === move.from)?.owners[0];
  const target = survey.shards.find(({ index }) => index === move.to);
  const leader = target && leaderOf(target);
  const wait = obstacle(survey, spec, move, leader);
  if (wait !== undefined) return { ...NOTHING, waits: [wait] };
  if (source === undefined || leader === undefined) return NOTHING;
  if (leader.node.info.keys > 0 && !survey.slotsOf.has(leader.node.id)) {
    const message = `Pod "${leader.pod}" holds keys but owns no slots: it gets none`;
    return { ...NOTHING, problems: [{ reason: "DataWithoutSlots", message }] };
  }
  if (source.node.migrations === undefined) {
    const message = `Slots cannot be moved: the server in pod "${source.pod}" has no CLUSTER MIGRATESLOTS`;
    return { ...NOTHING, problems: [{ reason: "SlotsImmovable", message }] };
  }
  const { ranges } = move;
  const { pod: targetPod, node } = leader;
  return {
    ...NOTHING,
    actions: [{ kind: "MigrateSlots", pod: source.pod, target: targetPod, targetId: node.id, ranges }],
  };
}

/**
 * A shard beyond the wanted ones may go when it cannot hold anything any more: all slots are served by others, and its
 * primaries are empty. Pods of it that do not answer own nothing by the servers' own rules, and hold nothing up.
 */
export function canRemove(survey: ClusterSurvey, index: number): boolean {
  const shard = survey.shards.find((one) => one.index === index);
  const isServed = survey.unassigned.length === 0 && survey.absentOwners.length === 0;
  if (shard === undefined || !isServed || shard.owners.length > 0) return false;
  if (survey.reachable.some((pod) => underWay(pod).length > 0)) return false;
  const primaries = shard.reachable.filter(({ self }) => self.primaryId === undefined);
  return primaries.every(({ node }) => node.info.keys === 0) && planAgreement(survey).waits.length === 0;
}

function underWay({ pod, node }: ReachablePod): readonly string[] {
  return (node.migrations ?? [])
    .filter(({ operation, isUnderWay }) => operation === "export" && isUnderWay)
    .map(({ ranges }) => `${pod} moves slots ${formatRanges(ranges)}`);
}

/** Somebody moves these in the classic way, or has stopped in the middle of it. */
function openByHand({ pod, self }: ReachablePod): readonly string[] {
  return self.openSlots.map(({ slot, direction }) => `Slot ${slot} is ${direction} at ${pod}`);
}

function leaving({ index }: ShardSurvey, { shards }: TopologySpec): readonly string[] {
  return index < shards ? [] : [`Shard ${index} is removed`];
}

function leaderOf(shard: ShardSurvey): ReachablePod | undefined {
  return shard.owners[0] ?? chooseLeader(shard);
}

function obstacle(
  survey: ClusterSurvey,
  { isBackupRunning, replicasPerShard }: TopologySpec,
  { to }: Move,
  leader: ReachablePod | undefined,
): string | undefined {
  if (isBackupRunning) return "Slots move when the backup or restore that is running is done";
  if (leader === undefined) return `Slots wait for a server of shard ${to}`;
  if (leader.node.info.isLoading) return `Slots wait for ${leader.pod} to load its data`;
  const hasCopy = survey.reachable.some((pod) => isInSync(pod, leader));
  if (replicasPerShard > 0 && !hasCopy) return `Slots wait for a replica of ${leader.pod}`;
  return planAgreement(survey).waits[0];
}
