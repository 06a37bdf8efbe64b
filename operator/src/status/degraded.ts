/** Degraded: a cluster that was complete lacks something: a server, a replica's copy, slots, or a person's decision. */

import { areAllSlotsServed, type ClusterFacts, followersOf, obstacle, wasFormed } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";
import { isAsleep } from "./hibernation-state.ts";
import { isChanging } from "./mode-change.ts";

export function degraded(facts: ClusterFacts): ConditionVerdict {
  const type = "Degraded";
  const reason = lossOf(facts);
  if (reason === undefined) return { type, status: "False", reason: "Complete", message: "Nothing is missing" };
  return { type, status: "True", reason, message: obstacle(facts) ?? "Some replicas are missing" };
}

function lossOf(facts: ClusterFacts): string | undefined {
  const { cluster, plan, halt, pods, hibernation, modeChange } = facts;
  if (halt !== undefined && halt.reason !== hibernation?.reason) return halt.reason;
  if (isAsleep(hibernation) || isChanging(modeChange)) return undefined;
  const problem = plan?.problems[0];
  // Before the first forming pods are simply not there yet.
  const isBeginning = !wasFormed(facts) && problem?.reason === "MajorityUnreachable";
  if (problem !== undefined && !isBeginning) return problem.reason;
  if (!wasFormed(facts) || plan === undefined) return undefined;
  if (!areAllSlotsServed(facts)) return "SlotsNotServed";
  // A shard that is new is not missed yet.
  const missed = plan.survey.shards.filter(({ owners }) => owners.length > 0).flatMap((shard) => shard.pods);
  if (pods.some(({ pod, isReady }) => !isReady && missed.some((one) => one.pod === pod))) return "ServersNotReady";
  const isShort = plan.survey.shards.some(
    (shard) =>
      shard.index < cluster.spec.shards &&
      shard.owners.length > 0 &&
      followersOf(shard).length < cluster.spec.replicasPerShard,
  );
  return isShort ? "ReplicasMissing" : undefined;
}
