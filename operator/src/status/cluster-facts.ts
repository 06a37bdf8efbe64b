/**
 * What a pass has found out, as far as status speaks of it. Status is a pure function of these facts and of nothing else:
 * no clock, no counters, so the same world gives the same status and no write.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { ReachablePod, ShardSurvey } from "../topology/cluster-view.ts";
import type { Plan } from "../topology/plan.ts";
import { countSlots } from "../topology/slot-range.ts";
import type { CertificateFacts } from "./certificate-valid.ts";
import type { ExternalFacts } from "./external-access.ts";
import { type HibernationState, restOf } from "./hibernation-state.ts";
import { isChanging, type ModeChange } from "./mode-change.ts";
import { isHeldBack, type RestoreFacts } from "./restore-state.ts";
import type { Turnout } from "./turnout.ts";
import type { UserProblem } from "./users-applied.ts";

export interface PodFacts {
  readonly pod: string;
  /** Kubernetes' readiness. */
  readonly isReady: boolean;
  /** Runs the template of the current spec. */
  readonly isCurrent: boolean;
  /** Why it does not become ready, as far as Kubernetes knows. */
  readonly trouble: string | undefined;
}

export interface ClusterFacts {
  readonly cluster: KVCluster;
  readonly clusterDomain: string;
  /** One for each pod that should exist. */
  readonly pods: readonly PodFacts[];
  /** Size of the smallest volume; absent while there is none. */
  readonly volumeSize: string | undefined;
  /** Why a volume does not become larger. */
  readonly volumeRefusal: string | undefined;
  /** How the source of the password differs from what the servers run with. */
  readonly passwordProblem: string | undefined;
  /** Absent where there is none, or the pass ended before it was looked at. */
  readonly certificate: CertificateFacts | undefined;
  /** Directives whose values servers do not take, with their words. */
  readonly refusals: ReadonlyMap<string, string>;
  /** Absent where no server was asked. */
  readonly configTurnout: Turnout | undefined;
  /** Users that are not as spec.auth.users says; undefined where that was not looked at. */
  readonly userProblems: readonly UserProblem[] | undefined;
  readonly userTurnout: Turnout | undefined;
  /** Absent where nobody is served outside, or that was not looked at. */
  readonly external: ExternalFacts | undefined;
  /** Why servers that should be restarted are not. */
  readonly restartWait: string | undefined;
  /** Absent where nothing is to be restored, or when the pass ended before that was looked at. */
  readonly restore: RestoreFacts | undefined;
  /** Absent where the cluster is awake. */
  readonly hibernation: HibernationState | undefined;
  /** Absent where the servers run in the mode of the spec. */
  readonly modeChange: ModeChange | undefined;
  /** Absent when the pass ended before the servers were asked. */
  readonly plan: Plan | undefined;
  /** What ended the pass early and needs somebody to act. */
  readonly halt: { readonly reason: string; readonly message: string } | undefined;
}

/** Slots whose owner answers. */
export function servedSlots({ plan }: ClusterFacts): number {
  if (plan === undefined) return 0;
  const { slotsOf, byId } = plan.survey;
  let served = 0;
  for (const [id, ranges] of slotsOf) served += byId.has(id) ? countSlots(ranges) : 0;
  return served;
}

export function areAllSlotsServed(facts: ClusterFacts): boolean {
  return servedSlots(facts) === SLOT_COUNT;
}

/** Once all slots were served the cluster holds data, and everything missing is a loss, no longer a beginning. */
export function wasFormed({ cluster }: Pick<ClusterFacts, "cluster">): boolean {
  return cluster.status?.conditions?.some(({ type, status }) => type === "ClusterFormed" && status === "True") ?? false;
}

export function followersOf(shard: ShardSurvey): readonly ReachablePod[] {
  const [owner] = shard.owners;
  if (owner === undefined) return [];
  return shard.reachable.filter((pod) => pod.self.primaryId === owner.node.id);
}

export function isPodReady({ pods }: ClusterFacts, name: string | undefined): boolean {
  return pods.some((pod) => pod.pod === name && pod.isReady);
}

/** Why nobody is served, or no writes, where that is wanted. */
export function intendedRest({
  hibernation,
  modeChange,
}: ClusterFacts): { readonly reason: string; readonly message: string } | undefined {
  return restOf(hibernation) ?? (isChanging(modeChange) ? modeChange : undefined);
}

/** One line about what stands in the way, with the first cause that is known; undefined when nothing does. */
export function obstacle(facts: ClusterFacts): string | undefined {
  const unready = facts.pods.filter(({ isReady }) => !isReady).map(({ pod }) => pod);
  const waitForReady = unready.length === 0 ? undefined : `Waiting for ${listOf(unready)} to be ready`;
  const { halt, plan } = facts;
  const message =
    halt?.message ??
    intendedRest(facts)?.message ??
    plan?.problems[0]?.message ??
    plan?.waits[0] ??
    waitForReady ??
    restoreWait(facts);
  const troubled = halt === undefined ? facts.pods.find(({ trouble }) => trouble !== undefined) : undefined;
  return message === undefined || troubled === undefined
    ? message
    : `${message} (${troubled.pod}: ${troubled.trouble})`;
}

function restoreWait({ restore }: ClusterFacts): string | undefined {
  return isHeldBack(restore) ? restore?.state.message : undefined;
}

const MAX_LISTED = 3;

/** Some names of many. */
export function listOf(names: readonly string[], most = MAX_LISTED): string {
  const rest = names.length - most;
  return `${names.slice(0, most).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
