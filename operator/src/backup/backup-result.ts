// What a backup's Job says about how it went: its own conditions, and the termination message of its last pod. A message
// that is no result, or a result that does not add up, is never taken for a completed backup.
import type { KVBackupStatus } from "../api/kv-backup.ts";
import { BACKUP_LABEL } from "../api/labels.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { backupJobName } from "./backup-job.ts";
import { BACKUP_CONTAINER, FETCH_CONTAINER, type Job } from "./job-manifest.ts";

export interface JobPod extends KubernetesObject {
  readonly status?: {
    readonly phase?: string;
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly name: string;
  readonly state?: { readonly terminated?: Terminated; readonly waiting?: { readonly reason?: string } };
}

interface Terminated {
  readonly exitCode?: number;
  readonly message?: string;
  readonly reason?: string;
}

export type JobState = "running" | "complete" | "failed";

export function jobState(job: Job): JobState {
  switch (endOf(job)?.type) {
    case "Complete":
      return "complete";
    case "Failed":
      return "failed";
    default:
      return "running";
  }
}

/** A Job that takes a backup, and has not ended. */
export function isRunningBackup(job: Job): boolean {
  const backup = job.metadata.labels?.[BACKUP_LABEL];
  return backup !== undefined && job.metadata.name === backupJobName(backup) && jobState(job) === "running";
}

/** When the Job ended, as the cluster tells it: the same whenever it is asked. */
export function endedAt(job: Job): string | undefined {
  return endOf(job)?.lastTransitionTime;
}

function endOf({ status }: Job) {
  return status?.conditions?.find(({ type, status: holds }) => holds === "True" && /^(Complete|Failed)$/.test(type));
}

export type ShardResult = Omit<NonNullable<KVBackupStatus["shards"]>[number], "source" | "slots">;

export interface BackupResult {
  readonly keys: number;
  readonly sizeBytes: number;
  readonly verified: boolean;
  /** Absent when there were too many shards for a termination message; the manifest on the volume has them. */
  readonly shards?: readonly ShardResult[];
}

/** The result that the pods of a complete Job left, or undefined when there is none that makes sense. */
export function readResult(pods: readonly JobPod[]): BackupResult | undefined {
  const result = readJson(pods);
  return isResult(result) ? result : undefined;
}

export interface RestoreResult {
  readonly keys: number;
  readonly expired: number;
}

/** The same of a restore. */
export function readRestoreResult(pods: readonly JobPod[]): RestoreResult | undefined {
  const { keys, expired } = (readJson(pods) ?? {}) as Partial<RestoreResult>;
  return isCount(keys) && isCount(expired) ? { keys, expired } : undefined;
}

function readJson(pods: readonly JobPod[]): unknown {
  try {
    return JSON.parse(terminations(pods).find(({ exitCode }) => exitCode === 0)?.message ?? "");
  } catch {
    return undefined;
  }
}

/** Why a Job failed, as told by its pod, else by the Job. */
export function readFailure({ status }: Job, pods: readonly JobPod[]): { reason: string; message: string } {
  const condition = status?.conditions?.find(({ type }) => type === "Failed");
  const told = terminations(pods, [FETCH_CONTAINER, BACKUP_CONTAINER])
    .filter(({ exitCode }) => exitCode !== 0)
    .map(({ message }) => message?.trim())
    .findLast((message) => message !== undefined && message !== "");
  const reason = condition?.reason === "DeadlineExceeded" ? "TimedOut" : "RunFailed";
  return { reason, message: (told ?? condition?.message ?? "The Job failed").slice(0, 1024) };
}

/** Why the pod does not run yet, for people. */
export function waitingFor(pods: readonly JobPod[]): string | undefined {
  const [pod] = pods.filter(({ status }) => status?.phase === "Pending");
  if (pod === undefined) {
    return undefined;
  }
  const reason = pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;
  return reason === undefined ? "it is not scheduled yet" : reason;
}

function terminations(pods: readonly JobPod[], containers: readonly string[] = [BACKUP_CONTAINER]): Terminated[] {
  return [...pods]
    .sort((a, b) => ((a.metadata.creationTimestamp ?? "") < (b.metadata.creationTimestamp ?? "") ? -1 : 1))
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .filter(({ name }) => containers.includes(name))
    .flatMap(({ state }) => state?.terminated ?? []);
}

function isResult(value: unknown): value is BackupResult {
  const { keys, sizeBytes, verified, shards } = (value ?? {}) as Partial<BackupResult>;
  if (!isCount(keys) || !isCount(sizeBytes) || typeof verified !== "boolean") {
    return false;
  }
  if (shards === undefined) {
    return true;
  }
  const sum = (field: "keys" | "sizeBytes") => shards.reduce((total, shard) => total + (shard[field] ?? Number.NaN), 0);
  return Array.isArray(shards) && sum("keys") === keys && sum("sizeBytes") === sizeBytes;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
