// Takes one KVBackup to its end: wait for what is missing, start the Job, follow it, report. Everything is found again by
// name, so an operator that dies anywhere carries on: the Job is the only memory of a run. A finished backup is never
// touched again.
import type { BackupShard, KVBackup, KVBackupStatus } from "../api/kv-backup.ts";
import { formatBytes } from "../api/quantity.ts";
import { isRefusal } from "../kube/api-error.ts";
import { nameOf, type ObjectName } from "../kubernetes-object.ts";
import type { Clock } from "../runtime/clock.ts";
import type { EventNote } from "../runtime/event-recorder.ts";
import type { Outcome } from "../runtime/work-queue.ts";
import { claimNameOf, claimToMake } from "./backup-claim.ts";
import { backupJob, backupJobName, backupPath, placeFor, sourcesOf } from "./backup-job.ts";
import {
  type BackupResult,
  endedAt,
  jobState,
  readFailure,
  readResult,
  type ShardResult,
  waitingFor,
} from "./backup-result.ts";
import { type BackupSource, backupSources } from "./backup-sources.ts";
import type { BackupStore, Untimed } from "./backup-store.ts";
import type { Job } from "./job-manifest.ts";

export interface BackupOptions {
  /** Image of Jobs when the cluster names none. */
  readonly defaultImage: string;
  readonly clusterDomain: string;
}

export interface BackupDependencies {
  readonly store: BackupStore;
  readonly events: { record(note: EventNote): void };
  readonly clock: Clock;
}

const WAITING_MS = 10_000;
const RUNNING_MS = 15_000;
/** Of what the API server says; a status that is too long is refused whole. */
const MAX_MESSAGE_LENGTH = 1024;

/** What the status becomes, and how soon to look again. */
interface Report {
  readonly phase: NonNullable<KVBackupStatus["phase"]>;
  readonly reason: string;
  readonly message: string;
  readonly fields?: Partial<KVBackupStatus>;
}

export function createBackupReconciler(
  options: BackupOptions,
  dependencies: BackupDependencies,
): (name: ObjectName) => Promise<Outcome> {
  return async (name) => {
    const backup = dependencies.store.backup(name);
    if (backup === undefined || backup.metadata.deletionTimestamp !== undefined || isFinished(backup)) {
      return {};
    }
    const report = await advance(backup, options, dependencies);
    await write(backup, report, dependencies);
    switch (report.phase) {
      case "Pending":
        return { requeueAfterMs: WAITING_MS };
      case "Running":
        return { requeueAfterMs: RUNNING_MS };
      default:
        return {};
    }
  };
}

export function isFinished({ status }: KVBackup): boolean {
  return status?.phase === "Completed" || status?.phase === "Failed";
}

async function advance(backup: KVBackup, options: BackupOptions, dependencies: BackupDependencies): Promise<Report> {
  const { store, clock } = dependencies;
  const jobName = { namespace: nameOf(backup).namespace, name: backupJobName(backup.metadata.name) };
  const job = store.job(jobName) ?? (await store.freshJob(jobName));
  if (job !== undefined) {
    return follow(backup, job, store);
  }
  if (backup.status?.phase === "Running") {
    return { phase: "Failed", reason: "JobLost", message: `Job "${jobName.name}" was deleted before it was done` };
  }
  const obstacle = await tryStart(backup, options, dependencies);
  if (obstacle === undefined) {
    return { phase: "Running", reason: "Started", message: "Waiting for the pod: it is not scheduled yet" };
  }
  const waitedMs = clock.now() - Date.parse(backup.metadata.creationTimestamp ?? "");
  return waitedMs > backup.spec.timeoutSeconds * 1000
    ? { phase: "Failed", reason: "TimedOut", message: `Gave up: ${obstacle.message}` }
    : { phase: "Pending", ...obstacle };
}

interface Obstacle {
  readonly reason: string;
  readonly message: string;
}

/** What the API server refuses is an obstacle like others: it is told, and may pass. */
async function tryStart(
  backup: KVBackup,
  options: BackupOptions,
  dependencies: BackupDependencies,
): Promise<Obstacle | undefined> {
  try {
    return await start(backup, options, dependencies);
  } catch (error) {
    if (isRefusal(error)) {
      return { reason: "Refused", message: error.message.slice(0, MAX_MESSAGE_LENGTH) };
    }
    throw error;
  }
}

/** Creates claim and Job. Returns what is in the way, or undefined when the Job is there. */
async function start(
  backup: KVBackup,
  { clusterDomain, defaultImage }: BackupOptions,
  { store, events }: BackupDependencies,
): Promise<Obstacle | undefined> {
  const { namespace } = nameOf(backup);
  const { clusterRef, target } = backup.spec;
  const clusterName = { namespace, name: clusterRef.name };
  const cluster = store.cluster(clusterName);
  if (cluster === undefined) {
    return { reason: "ClusterNotFound", message: `KVCluster "${clusterRef.name}" is not there` };
  }
  if (cluster.status?.conditions?.some(({ type, status }) => type === "Restored" && status === "False")) {
    return { reason: "ClusterRestoring", message: `KVCluster "${clusterRef.name}" does not hold all of its data yet` };
  }
  if (cluster.status?.conditions?.some(({ type, status }) => type === "Balanced" && status === "False")) {
    return { reason: "SlotsMoving", message: `Slots of KVCluster "${clusterRef.name}" are moving between shards` };
  }
  const found = backupSources(cluster, store.serverPods(clusterName), { target, clusterDomain });
  if (found.kind === "missing") {
    return { reason: "NoReadyServer", message: found.message };
  }
  const claimName = claimNameOf(backup);
  if (claimName !== undefined && !(await store.hasClaim({ namespace, name: claimName }))) {
    const claim = claimToMake(backup);
    if (claim === undefined) {
      return { reason: "ClaimNotFound", message: `PersistentVolumeClaim "${claimName}" is not there` };
    }
    await store.create(claim);
  }
  const { sources } = found;
  const place = placeFor(backup, claimName);
  if (await store.create(backupJob({ backup, cluster, place, sources, defaultImage }))) {
    const pods = sources.map(({ pod }) => pod).join(", ");
    events.record(noteOn(backup, "Normal", "BackupStarted", `Started to read from ${pods}`));
  }
  return undefined;
}

async function follow(backup: KVBackup, job: Job, store: BackupStore): Promise<Report> {
  if (!job.metadata.ownerReferences?.some(({ uid }) => uid === backup.metadata.uid)) {
    return { phase: "Failed", reason: "NameTaken", message: `Job "${job.metadata.name}" belongs to something else` };
  }
  switch (jobState(job)) {
    case "running": {
      const waiting = waitingFor(store.podsOf(job));
      const message = waiting === undefined ? "Reading from the servers" : `Waiting for the pod: ${waiting}`;
      return { phase: "Running", reason: "Started", message, fields: runFields(backup, job) };
    }
    case "failed": {
      const failure = readFailure(job, await store.freshPodsOf(job));
      return { phase: "Failed", ...failure, fields: endFields(backup, job) };
    }
    case "complete":
      return haveSlotsMoved(backup, job, store)
        ? { ...SLOTS_MOVED, fields: endFields(backup, job) }
        : completed(backup, job, readResult(await store.freshPodsOf(job)));
  }
}

const SLOTS_MOVED = {
  phase: "Failed",
  reason: "SlotsMoved",
  message: "Slots moved between shards meanwhile: keys may be in no file, or in two",
} as const;

/** Neither begins while the other is under way, but both look at what was a moment ago. */
function haveSlotsMoved(backup: KVBackup, job: Job, store: BackupStore): boolean {
  const { namespace } = nameOf(backup);
  const shards = store.cluster({ namespace, name: backup.spec.clusterRef.name })?.status?.shardStatus ?? [];
  return sourcesOf(job).some(({ index, slots }) => {
    const now = shards.find((shard) => shard.index === index)?.slots ?? "";
    return slots !== "" && now !== "" && now !== slots;
  });
}

function completed(backup: KVBackup, job: Job, result: BackupResult | undefined): Report {
  const fields = endFields(backup, job);
  if (result === undefined) {
    const message = `Job "${job.metadata.name}" ended well but left no result`;
    return { phase: "Failed", reason: "NoResult", message, fields };
  }
  if (backup.spec.verify && !result.verified) {
    return { phase: "Failed", reason: "NotVerified", message: "The files were not read back", fields };
  }
  const { keys, sizeBytes, verified, shards } = result;
  const sources = new Map(sourcesOf(job).map((source) => [source.index, source]));
  const size = formatBytes(sizeBytes);
  return {
    phase: "Completed",
    reason: "Completed",
    message: `${keys} keys in ${size}`,
    fields: {
      ...fields,
      ...{ keys, sizeBytes, size, verified },
      ...(shards === undefined ? {} : { shards: shards.map((shard) => shardStatus(shard, sources.get(shard.index))) }),
    },
  };
}

function shardStatus(
  { index, file, sizeBytes, keys, sha256 }: ShardResult,
  source: BackupSource | undefined,
): BackupShard {
  const fields = { index, file, sizeBytes, keys, sha256, source: source?.pod, slots: source?.slots };
  const known = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
  return { ...Object.fromEntries(known), index };
}

function runFields(backup: KVBackup, job: Job): Partial<KVBackupStatus> {
  const { creationTimestamp } = job.metadata;
  const claimName = claimNameOf(backup);
  return {
    ...(claimName === undefined ? {} : { claimName }),
    path: backupPath(backup),
    jobName: job.metadata.name,
    ...(creationTimestamp === undefined ? {} : { startedAt: creationTimestamp }),
  };
}

function endFields(backup: KVBackup, job: Job): Partial<KVBackupStatus> {
  const completedAt = endedAt(job);
  return { ...runFields(backup, job), ...(completedAt === undefined ? {} : { completedAt }) };
}

async function write(backup: KVBackup, report: Report, { store, events }: BackupDependencies): Promise<void> {
  const { phase, reason, message, fields = {} } = report;
  const observedGeneration = backup.metadata.generation ?? 0;
  const status: Untimed<KVBackupStatus> = {
    ...fields,
    observedGeneration,
    phase,
    message,
    conditions: [
      { type: "Completed", status: phase === "Completed" ? "True" : "False", reason, message, observedGeneration },
    ],
  };
  const wasWritten = await store.writeStatus(backup, status);
  if (wasWritten && phase === "Completed") {
    events.record(noteOn(backup, "Normal", "BackupCompleted", `Completed: ${message}`));
  } else if (wasWritten && phase === "Failed") {
    events.record(noteOn(backup, "Warning", "BackupFailed", message));
  }
}

function noteOn(backup: KVBackup, type: EventNote["type"], reason: string, note: string): EventNote {
  return { regarding: backup, type, reason, action: "Backup", note };
}
