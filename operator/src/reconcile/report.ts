/**
 * The end of a pass: the status is written once, and what changed since the last one is told as events: phase, primaries,
 * servers that stopped answering, wishes of the spec that are not met, and what stopped the pass. The last status is the
 * memory, so a restarted operator tells nothing twice.
 */

import { conditionOf, type UntimedCondition } from "../api/condition.ts";
import type { KVClusterStatus } from "../api/kv-cluster-status.ts";
import { isPodReady } from "../pod-readiness.ts";
import { clusterStatus, type UntimedStatus } from "../status/cluster-status.ts";
import { troubleOf } from "./pod.ts";
import { isCurrent } from "./pod-currency.ts";
import type { Pass, StepResult } from "./step.ts";

export async function report(pass: Pass, result: StepResult): Promise<UntimedStatus> {
  const {
    cluster,
    dependencies,
    options,
    volumeSize,
    volumeRefusal,
    passwordProblem,
    certificate,
    refusals,
    configTurnout,
    userProblems,
    userTurnout,
    external,
    plan,
    restore,
    restartWait,
    hibernation,
    modeChange,
  } = pass;
  const status = clusterStatus({
    cluster,
    clusterDomain: options.clusterDomain,
    pods: podFacts(pass),
    volumeSize,
    volumeRefusal,
    passwordProblem,
    certificate,
    refusals,
    configTurnout,
    userProblems,
    userTurnout,
    external,
    restartWait,
    restore,
    hibernation,
    modeChange,
    plan,
    halt: result.kind === "stop" ? result : undefined,
  });
  await dependencies.store.writeStatus(cluster, status);
  for (const change of changes(pass, cluster.status ?? {}, status)) {
    dependencies.events.record({ regarding: cluster, action: "Observe", ...change });
  }
  return status;
}

function podFacts(pass: Pass) {
  const { name, podViews, dependencies } = pass;
  const pods = new Map(dependencies.store.pods(name).map((pod) => [pod.metadata.name, pod]));
  const names = podViews.length > 0 ? podViews.map(({ pod }) => pod) : [...pods.keys()].sort();
  return names.map((podName) => {
    const pod = pods.get(podName);
    return {
      pod: podName,
      isReady: isPodReady(pod),
      isCurrent: pod === undefined || isCurrent(pass, pod),
      trouble: troubleOf(pod),
    };
  });
}

interface Change {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly note: string;
}

function changes(pass: Pass, before: KVClusterStatus, after: UntimedStatus): readonly Change[] {
  return [
    ...restoreChange(before, after),
    ...phaseChange(before, after),
    ...primaryChanges(before, after),
    ...unreachable(pass, before),
    ...unmet(before, after),
  ];
}

/** What the spec asks for and is not so, or not yet. */
const WISHES: readonly string[] = [
  "UpToDate",
  "ConfigApplied",
  "UsersApplied",
  "CertificateValid",
  "ExternalAccess",
  "StorageReady",
  "DiskSpace",
  "Hibernated",
];

/** What passes by itself. */
const NORMAL_WISH_REASONS: readonly string[] = [
  "Resizing",
  "RestartPending",
  "HibernationDue",
  "ExternalAddressPending",
  "ModeChangeDue",
  "ModeChanging",
];

/** What the phase tells already. */
const PHASE_REASONS: readonly string[] = ["Saving", "Stopping", "Waking"];

const NORMAL_RESTORE_REASONS: readonly string[] = [
  "WaitingForServers",
  "BackupNotCompleted",
  "RestoreStarting",
  "RestoreRunning",
];

function unmet(before: KVClusterStatus, after: UntimedStatus): readonly Change[] {
  return after.conditions
    .filter(({ type, status }) => WISHES.includes(type) && status === "False")
    .filter(({ reason }) => !PHASE_REASONS.includes(reason))
    .filter(({ type, reason }) => !before.conditions?.some((one) => one.type === type && one.reason === reason))
    .map(({ reason, message }) => ({
      type: NORMAL_WISH_REASONS.includes(reason) ? "Normal" : "Warning",
      reason,
      note: message,
    }));
}

/** Progress is told by the message of the condition; its reason is what changes. */
function restoreChange(before: KVClusterStatus, after: UntimedStatus): readonly Change[] {
  const now = conditionOf(after, "Restored");
  const previous = conditionOf(before, "Restored");
  if (now === undefined || previous?.reason === now.reason) return [];
  const isNormal = now.status === "True" || NORMAL_RESTORE_REASONS.includes(now.reason);
  return [{ type: isNormal ? "Normal" : "Warning", reason: now.reason, note: now.message }];
}

function phaseChange(before: KVClusterStatus, after: UntimedStatus): readonly Change[] {
  const reasonOf = (status: KVClusterStatus | UntimedStatus) => conditionOf<UntimedCondition>(status, "Ready")?.reason;
  const { phase = "Creating", message = "" } = after;
  const isNewReason = phase === "Degraded" && reasonOf(before) !== reasonOf(after);
  if (before.phase === phase && !isNewReason) return [];
  return [{ type: phase === "Degraded" ? "Warning" : "Normal", reason: phase, note: message === "" ? phase : message }];
}

function primaryChanges(before: KVClusterStatus, after: UntimedStatus): readonly Change[] {
  return (after.shardStatus ?? []).flatMap(({ index, primary }): readonly Change[] => {
    const previous = before.shardStatus?.find((shard) => shard.index === index)?.primary;
    if (previous === undefined || primary === undefined || previous === primary) return [];
    const note = `Pod "${primary}" is now the primary of shard ${index}, it was "${previous}"`;
    return [{ type: "Normal", reason: "PrimaryChanged", note }];
  });
}

/** Only those that took part in the last pass: the others have been told of already, or never were there. */
function unreachable({ plan, podViews }: Pass, before: KVClusterStatus): readonly Change[] {
  if (plan === undefined) return [];
  const took = (before.shardStatus ?? []).flatMap(({ primary, replicas = [] }) => [primary, ...replicas]);
  return podViews
    .filter(({ pod, node }) => node === undefined && took.includes(pod))
    .map(({ pod }) => ({ type: "Warning", reason: "ServerUnreachable", note: `Pod "${pod}" does not answer` }));
}
