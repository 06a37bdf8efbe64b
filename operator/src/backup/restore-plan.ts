// How far the restore of a new cluster is, and what it waits for, as a pure function of what is seen. The Job is the memory
// of a run, status.restore.completedAt that it is over; servers that hold keys before a run has begun are left alone.
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster, KVClusterSpec } from "../api/kv-cluster.ts";
import type { RestoreStatus } from "../api/kv-cluster-status.ts";
import type { RestoreFacts, RestoreState } from "../status/restore-state.ts";
import { placeOf } from "./backup-place.ts";
import { endedAt, type JobPod, jobState, readFailure, readRestoreResult, waitingFor } from "./backup-result.ts";
import type { Job } from "./job-manifest.ts";

export interface RestoreView {
  readonly cluster: KVCluster;
  /** The one that the spec names. */
  readonly backup: KVBackup | undefined;
  /** The volume claim of its files is there, if they are on one. */
  readonly hasClaim: boolean;
  readonly job: Job | undefined;
  readonly jobPods: readonly JobPod[];
  /** Slots are served, replicas follow, every pod is ready. */
  readonly isFormed: boolean;
  /** In all servers that own slots. */
  readonly keys: number;
}

/** Undefined where nothing is to be restored. */
export function planRestore(view: RestoreView): RestoreFacts | undefined {
  const { cluster, job } = view;
  const { bootstrap } = cluster.spec;
  if (bootstrap === undefined) {
    return undefined;
  }
  const known = { ...cluster.status?.restore, source: sourceOf(bootstrap) };
  if (known.completedAt !== undefined) {
    return { state: done(known), status: known };
  }
  return job === undefined ? { state: beforeStart(view, known), status: known } : follow(view, job, known);
}

/** What is restored, in words. */
export function sourceOf({ backupRef, externalSource }: NonNullable<KVClusterSpec["bootstrap"]>): string {
  const [first, ...others] = externalSource?.addresses ?? [];
  const external = others.length === 0 ? `${first}` : `${first} and ${others.length} more`;
  return backupRef === undefined ? external : `KVBackup "${backupRef.name}"`;
}

type Known = RestoreStatus & { readonly source: string };

function follow({ cluster, backup, jobPods, keys }: RestoreView, job: Job, known: Known): RestoreFacts {
  const { name, creationTimestamp, ownerReferences = [] } = job.metadata;
  if (!ownerReferences.some(({ uid }) => uid === cluster.metadata.uid)) {
    return { state: failed("NameTaken", `Job "${name}" belongs to something else`), status: known };
  }
  const startedAt = known.startedAt ?? creationTimestamp;
  const status = { ...known, jobName: name, ...(startedAt === undefined ? {} : { startedAt }) };
  switch (jobState(job)) {
    case "running":
      return { state: running(known.source, waitingFor(jobPods), progress(keys, backup)), status };
    case "failed": {
      const { message } = readFailure(job, jobPods);
      return { state: failed("RestoreFailed", `${message} (delete Job "${name}" to go on with it)`), status };
    }
    case "complete": {
      const result = readRestoreResult(jobPods);
      const completedAt = endedAt(job);
      if (result === undefined || completedAt === undefined) {
        return { state: failed("RestoreFailed", `Job "${name}" ended well but left no result`), status };
      }
      const whole = { ...status, completedAt, ...result };
      return { state: done(whole), status: whole };
    }
  }
}

function beforeStart(view: RestoreView, { startedAt }: RestoreStatus): RestoreState {
  const obstacle = backupObstacle(view);
  if (obstacle !== undefined) {
    return obstacle;
  }
  if (!view.isFormed) {
    return { kind: "waiting", reason: "WaitingForServers", message: "The restore starts when all servers are ready" };
  }
  if (view.keys > 0 && startedAt === undefined) {
    const message = `The servers hold ${view.keys} keys already, so nothing is restored: to serve these, create the KVCluster without spec.bootstrap`;
    return failed("DataPresent", message);
  }
  return { kind: "due", reason: "RestoreStarting", message: "The restore starts" };
}

function backupObstacle({ cluster, backup, hasClaim }: RestoreView): RestoreState | undefined {
  if (cluster.spec.bootstrap?.backupRef === undefined) {
    return undefined;
  }
  const wanted = sourceOf(cluster.spec.bootstrap);
  const wait = (reason: string, message: string): RestoreState => ({ kind: "waiting", reason, message });
  if (backup === undefined) {
    return wait("BackupNotFound", `${wanted} is not there`);
  }
  const { phase, message = "" } = backup.status ?? {};
  if (phase === "Failed") {
    return failed("BackupFailed", `${wanted} has failed: ${message}`);
  }
  if (phase !== "Completed") {
    return wait("BackupNotCompleted", `${wanted} is not completed yet`);
  }
  const place = placeOf(backup);
  if (place === undefined) {
    return failed("BackupUnsuitable", `${wanted} does not say where its files are`);
  }
  const { claimName } = place;
  if (claimName === undefined || hasClaim) {
    return undefined;
  }
  return wait("ClaimNotFound", `PersistentVolumeClaim "${claimName}" of ${wanted} is not there`);
}

function running(source: string, waiting: string | undefined, percent: string): RestoreState {
  const message = waiting === undefined ? `Restoring ${source}${percent}` : `Waiting for the pod: ${waiting}`;
  return { kind: "running", reason: "RestoreRunning", message };
}

function progress(keys: number, backup: KVBackup | undefined): string {
  const all = backup?.status?.keys ?? 0;
  return all === 0 ? "" : `: ${Math.min(100, Math.floor((100 * keys) / all))} % of ${all} keys`;
}

function done({ keys = 0, expired = 0, source }: RestoreStatus): RestoreState {
  const gone = expired > 0 ? `, ${expired} more had expired` : "";
  return { kind: "done", reason: "Restored", message: `${keys} keys came from ${source}${gone}` };
}

function failed(reason: string, message: string): RestoreState {
  return { kind: "failed", reason, message };
}
