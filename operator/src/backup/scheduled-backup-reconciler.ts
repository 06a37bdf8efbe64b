// Keeps one KVScheduledBackup going: starts the backup of a slot that is due, and removes backups that retention lets go,
// files first. Names come from slots, so a backup whose creation was not noticed is found again instead of made twice.

import { API_VERSION } from "../api/kinds.ts";
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVScheduledBackup, KVScheduledBackupStatus } from "../api/kv-scheduled-backup.ts";
import { CLUSTER_LABEL, SCHEDULED_BACKUP_LABEL } from "../api/labels.ts";
import { isRefusal } from "../kube/api-error.ts";
import { nameOf, type ObjectName } from "../kubernetes-object.ts";
import type { EventNote } from "../runtime/event-recorder.ts";
import type { Outcome } from "../runtime/work-queue.ts";
import { deletionJob, deletionJobName } from "./backup-job.ts";
import { type BackupPlace, placeOf } from "./backup-place.ts";
import { type BackupDependencies, type BackupOptions, isFinished } from "./backup-reconciler.ts";
import { jobState, readFailure } from "./backup-result.ts";
import type { BackupStore, Untimed } from "./backup-store.ts";
import { expiredBackups } from "./retention.ts";
import { planSchedule, type SchedulePlan, SUSPENDED_REASON, slotBackupName } from "./schedule-plan.ts";

/** Waits are cut to this: clocks are set and changed. */
const MAX_WAIT_MS = 600_000;
const BLOCKED_MS = 10_000;
const DELETING_MS = 30_000;
/** Runs of one schedule that delete files at a time. */
const DELETIONS_AT_A_TIME = 2;

export function createScheduledBackupReconciler(
  options: BackupOptions,
  dependencies: BackupDependencies,
): (name: ObjectName) => Promise<Outcome> {
  return async (name) => {
    const { store, clock } = dependencies;
    const schedule = store.schedule(name);
    if (schedule === undefined || schedule.metadata.deletionTimestamp !== undefined) {
      return {};
    }
    const backups = store.backupsOf(name);
    const deleting = await applyRetention(schedule, backups, options, dependencies);
    const nowMs = clock.now();
    const plan = planSchedule({
      spec: schedule.spec,
      status: schedule.status,
      createdMs: Date.parse(schedule.metadata.creationTimestamp ?? ""),
      nowMs,
      name: name.name,
      running: backups.filter((backup) => !isFinished(backup)).map(({ metadata }) => metadata.name),
    });
    const started = plan.kind === "start" ? await startBackup(schedule, plan.slotMs, dependencies) : undefined;
    if (plan.kind === "wait" && plan.skipped === true) {
      dependencies.events.record(
        note(schedule, "Warning", "SlotSkipped", "Skipped a slot: its starting deadline has passed"),
      );
    }
    await store.writeStatus(schedule, statusAfter(schedule, plan, { backups, started }));
    const waitMs = Math.min(MAX_WAIT_MS, waitOf(plan, nowMs), deleting ? DELETING_MS : MAX_WAIT_MS);
    return { requeueAfterMs: waitMs };
  };
}

function waitOf(plan: SchedulePlan, nowMs: number): number {
  switch (plan.kind) {
    case "invalid":
    case "suspended":
      return MAX_WAIT_MS;
    case "blocked":
      return BLOCKED_MS;
    default:
      // A moment later than the slot, so that a timer that fires early does not miss it.
      return plan.nextMs - nowMs + 10;
  }
}

/** Returns the name of the slot's backup, ours or not made; undefined when the name belongs to somebody else. */
async function startBackup(
  schedule: KVScheduledBackup,
  slotMs: number,
  { store, events }: BackupDependencies,
): Promise<string | undefined> {
  const { namespace, name } = nameOf(schedule);
  const backup: KVBackup = {
    apiVersion: API_VERSION,
    kind: "KVBackup",
    metadata: {
      namespace,
      name: slotBackupName(name, slotMs),
      labels: { [SCHEDULED_BACKUP_LABEL]: name, [CLUSTER_LABEL]: schedule.spec.clusterRef.name },
    },
    spec: { clusterRef: schedule.spec.clusterRef, ...schedule.spec.template },
  };
  try {
    if (await store.create(backup)) {
      events.record(note(schedule, "Normal", "BackupCreated", `Created KVBackup "${backup.metadata.name}"`));
      return backup.metadata.name;
    }
  } catch (error) {
    if (isRefusal(error)) {
      events.record(note(schedule, "Warning", "BackupRefused", error.message));
    }
    throw error;
  }
  const existing = await store.freshBackup(nameOf(backup));
  if (existing?.metadata.labels?.[SCHEDULED_BACKUP_LABEL] === name) {
    return backup.metadata.name;
  }
  const message = `Skipped a slot: KVBackup "${backup.metadata.name}" is there already and not of this schedule`;
  events.record(note(schedule, "Warning", "SlotSkipped", message));
  return undefined;
}

/** Deletes files, then objects. Returns whether there is more to do. */
async function applyRetention(
  schedule: KVScheduledBackup,
  backups: readonly KVBackup[],
  options: BackupOptions,
  dependencies: BackupDependencies,
): Promise<boolean> {
  const { store } = dependencies;
  const expired = expiredBackups(backups, schedule.spec.retention.keepLast)
    .filter((backup) => !store.isAwaited(nameOf(backup)))
    .reverse();
  let running = 0;
  for (const backup of expired) {
    if (running === DELETIONS_AT_A_TIME) {
      break;
    }
    running += (await removeBackup(schedule, backup, options, dependencies)) ? 1 : 0;
  }
  return expired.length > 0;
}

async function isThere({ claimName }: BackupPlace, namespace: string, store: BackupStore): Promise<boolean> {
  return claimName === undefined || (await store.hasClaim({ namespace, name: claimName }));
}

/** One step towards the end of a backup and its files. Returns whether a Job is at it. */
async function removeBackup(
  schedule: KVScheduledBackup,
  backup: KVBackup,
  { defaultImage }: BackupOptions,
  { store, events }: BackupDependencies,
): Promise<boolean> {
  const { namespace, name } = nameOf(backup);
  const place = placeOf(backup);
  const job = store.job({ namespace, name: deletionJobName(name) });
  // Without a place there are no files: none were written, or they went with their volume.
  if (place === undefined || !(await isThere(place, namespace, store))) {
    await store.remove(backup);
    return false;
  }
  if (job === undefined) {
    const cluster = store.cluster({ namespace, name: backup.spec.clusterRef.name });
    await store.create(deletionJob({ schedule, backup, cluster, place, defaultImage }));
    return true;
  }
  switch (jobState(job)) {
    case "complete":
      await store.remove(backup);
      events.record(note(schedule, "Normal", "BackupDeleted", `Deleted KVBackup "${name}" and its files`));
      return false;
    case "failed": {
      // The Job goes by itself after a while and is made again; meanwhile it holds up no other.
      const { message } = readFailure(job, store.podsOf(job));
      events.record(note(schedule, "Warning", "DeletionFailed", `Files of KVBackup "${name}": ${message}`));
      return false;
    }
    case "running":
      return true;
  }
}

function statusAfter(
  schedule: KVScheduledBackup,
  plan: SchedulePlan,
  { backups, started }: { backups: readonly KVBackup[]; started: string | undefined },
): Untimed<KVScheduledBackupStatus> {
  const { lastCheckTime, lastScheduleTime, lastBackupName } = schedule.status ?? {};
  const observedGeneration = schedule.metadata.generation ?? 0;
  const completed = backups.flatMap(({ status }) => (status?.phase === "Completed" ? (status.completedAt ?? []) : []));
  const lastSuccessfulTime = [...completed, schedule.status?.lastSuccessfulTime ?? ""].sort().at(-1) ?? "";
  const { status, reason, message } = verdictOn(plan);
  return {
    ...present({ lastCheckTime, lastScheduleTime, lastBackupName, lastSuccessfulTime }),
    ...timesOf(plan, started),
    observedGeneration,
    message,
    conditions: [{ type: "Scheduled", status, reason, message, observedGeneration }],
  };
}

/** The times that this pass settled. */
function timesOf(plan: SchedulePlan, started: string | undefined): Partial<KVScheduledBackupStatus> {
  switch (plan.kind) {
    case "start":
      return {
        lastCheckTime: timeText(plan.slotMs),
        nextScheduleTime: timeText(plan.nextMs),
        ...(started === undefined ? {} : { lastScheduleTime: timeText(plan.slotMs), lastBackupName: started }),
      };
    case "wait":
      return {
        nextScheduleTime: timeText(plan.nextMs),
        ...(plan.settledMs === undefined ? {} : { lastCheckTime: timeText(plan.settledMs) }),
      };
    case "blocked":
      return { nextScheduleTime: timeText(plan.nextMs) };
    default:
      return {};
  }
}

function verdictOn(plan: SchedulePlan): { status: "True" | "False"; reason: string; message: string } {
  switch (plan.kind) {
    case "invalid":
      return { status: "False", reason: plan.reason, message: plan.message };
    case "suspended":
      return { status: "False", reason: SUSPENDED_REASON, message: "spec.suspend is true: no backups are started" };
    case "blocked":
      return { status: "True", reason: "Waiting", message: "The previous backup is still under way" };
    default:
      return { status: "True", reason: "Scheduled", message: "The next backup starts at its slot" };
  }
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z");
}

function present<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== "")) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function note(schedule: KVScheduledBackup, type: EventNote["type"], reason: string, text: string): EventNote {
  return { regarding: schedule, type, reason, action: "Schedule", note: text };
}
