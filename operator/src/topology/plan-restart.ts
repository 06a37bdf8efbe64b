/**
 * Restarting servers that do not run with the current spec, one pod of the cluster at a time: replicas first, then in each
 * shard the best replica takes over and the old primary restarts as a replica. The live role decides, never the ordinal.
 *
 * A next one is touched only while the cluster is whole: every pod ready, every replica linked, all tables the same. The one
 * exception is an outdated pod that does not answer anyway: a roll that a bad image stopped goes on with the next good edit
 * by replacing it. Where its data would go with it, only if nothing of it is needed.
 */

import type { Action } from "./action.ts";
import type { ClusterSurvey, ReachablePod, ShardSurvey } from "./cluster-view.ts";
import { furthest, isInSync } from "./copies.ts";
import type { Plan } from "./plan.ts";
import { handOver } from "./plan-followers.ts";

export type Restart =
  | { readonly kind: "restart"; readonly pod: string }
  | { readonly kind: "handOver"; readonly action: Action }
  | { readonly kind: "wait"; readonly reason: string };

export interface RestartView {
  readonly plan: Plan;
  /** Pods that exist and do not run with the current spec. */
  readonly outdated: ReadonlySet<string>;
  /** Pods that are ready, by Kubernetes' word. */
  readonly ready: ReadonlySet<string>;
  /** Primaries may be touched too. */
  readonly isApproved: boolean;
  /** Data goes with the pod. */
  readonly isEphemeral: boolean;
}

/** Undefined where every pod is as it should be. */
export function planRestart(view: RestartView): Restart | undefined {
  const { plan, outdated, ready } = view;
  if (outdated.size === 0) return undefined;
  const { survey } = plan;
  const stuck = survey.pods.find(({ pod, node }) => outdated.has(pod) && node === undefined && !ready.has(pod));
  if (stuck !== undefined && (!view.isEphemeral || isComplete(survey))) return { kind: "restart", pod: stuck.pod };
  const unready = survey.pods.find(({ pod }) => !ready.has(pod));
  if (unready !== undefined) return { kind: "wait", reason: `Restarts wait for ${unready.pod} to be ready` };
  if (!plan.isSettled) return { kind: "wait", reason: `Restarts wait until the cluster is settled` };
  const replica = survey.reachable.find(({ pod, node }) => outdated.has(pod) && !survey.slotsOf.has(node.id));
  if (replica !== undefined) return { kind: "restart", pod: replica.pod };
  const shard = survey.shards.find(({ owners }) => owners.some(({ pod }) => outdated.has(pod)));
  return shard === undefined ? undefined : replacePrimary(shard, view);
}

function isComplete({ absentOwners, unassigned }: ClusterSurvey): boolean {
  return absentOwners.length === 0 && unassigned.length === 0;
}

function replacePrimary(
  shard: ShardSurvey,
  { plan, outdated, isApproved, isEphemeral }: RestartView,
): Restart | undefined {
  const [primary] = shard.owners;
  if (primary === undefined) return undefined;
  if (!isApproved) return { kind: "wait", reason: `${primary.pod} is a primary and waits for approval` };
  const best = furthest(shard.reachable.filter((pod) => !outdated.has(pod.pod) && isInSync(pod, primary)));
  if (best !== undefined) return { kind: "handOver", action: handOverTo(best, primary, plan) };
  if (shard.pods.length > 1) return { kind: "wait", reason: `${primary.pod} waits for a replica that can take over` };
  if (!isEphemeral) return { kind: "restart", pod: primary.pod };
  return { kind: "wait", reason: `${primary.pod} is not restarted: its data would be lost, and it has no replica` };
}

function handOverTo(best: ReachablePod, primary: ReachablePod, { group }: Plan): Action {
  return group === undefined ? { kind: "Failover", pod: best.pod, from: primary.pod } : handOver(primary, best);
}
