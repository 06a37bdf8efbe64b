// When a KVScheduledBackup starts its next backup, as a pure decision. Missed slots are not replayed: of all that passed
// only the latest counts, and only while it is younger than the starting deadline. A backup under way holds the next one
// back, and if that takes too long the slot is skipped. Slots before `lastCheckTime` are settled, one way or the other.
import type { KVScheduledBackupSpec, KVScheduledBackupStatus } from "../api/kv-scheduled-backup.ts";
import { isTimeZone, lastSlot, nextSlot, parseSchedule, type Schedule } from "./schedule.ts";

export interface ScheduleFacts {
  readonly spec: KVScheduledBackupSpec;
  readonly status: KVScheduledBackupStatus | undefined;
  readonly createdMs: number;
  readonly nowMs: number;
  readonly name: string;
  /** Names of its backups that are not finished yet. */
  readonly running: readonly string[];
}

export type SchedulePlan =
  | { readonly kind: "invalid"; readonly reason: string; readonly message: string }
  | { readonly kind: "suspended" }
  /** Nothing to start now. `settledMs`: everything before is settled. */
  | { readonly kind: "wait"; readonly nextMs: number; readonly settledMs?: number; readonly skipped?: boolean }
  | { readonly kind: "blocked"; readonly slotMs: number; readonly nextMs: number }
  | { readonly kind: "start"; readonly slotMs: number; readonly nextMs: number };

const MINUTE_MS = 60_000;

export const SUSPENDED_REASON = "Suspended";

export function planSchedule(facts: ScheduleFacts): SchedulePlan {
  const { spec, status, nowMs, name, running } = facts;
  const { timeZone } = spec;
  const schedule = parseSchedule(spec.schedule);
  if (schedule === undefined) {
    return {
      kind: "invalid",
      reason: "InvalidSchedule",
      message: `spec.schedule "${spec.schedule}": no cron schedule`,
    };
  }
  if (!isTimeZone(timeZone)) {
    return { kind: "invalid", reason: "InvalidTimeZone", message: `spec.timeZone "${timeZone}": not known here` };
  }
  const nextMs = nextSlot(schedule, timeZone, nowMs);
  if (nextMs === undefined) {
    return { kind: "invalid", reason: "InvalidSchedule", message: `spec.schedule "${spec.schedule}": never comes` };
  }
  if (spec.suspend) {
    return { kind: "suspended" };
  }
  if (status?.conditions?.some(({ reason }) => reason === SUSPENDED_REASON) === true) {
    return { kind: "wait", nextMs, settledMs: nowMs };
  }
  const slotMs = dueSlot(schedule, facts);
  if (slotMs !== undefined) {
    // The slot's own backup holds nothing back: it was made, but that was not written down.
    const isBlocked = running.some((other) => other !== slotBackupName(name, slotMs));
    return { kind: isBlocked ? "blocked" : "start", slotMs, nextMs };
  }
  const missedMs = nextSlot(schedule, timeZone, settledUntil(facts));
  const isMissed = missedMs !== undefined && missedMs <= nowMs;
  return isMissed ? { kind: "wait", nextMs, settledMs: nowMs, skipped: true } : { kind: "wait", nextMs };
}

function settledUntil({ status, createdMs }: ScheduleFacts): number {
  return status?.lastCheckTime === undefined ? createdMs : Date.parse(status.lastCheckTime);
}

/** The slot to start now: the latest one that is not settled and not too old. */
function dueSlot(schedule: Schedule, facts: ScheduleFacts): number | undefined {
  const { spec, status, createdMs, nowMs } = facts;
  if (spec.immediate && status?.lastCheckTime === undefined) {
    return Math.floor(createdMs / MINUTE_MS) * MINUTE_MS;
  }
  const oldestMs = nowMs - spec.startingDeadlineSeconds * 1000;
  const afterMs = Math.max(settledUntil(facts), oldestMs - 1);
  return lastSlot(schedule, spec.timeZone, { afterMs, untilMs: nowMs });
}

/** The name of the backup of a slot: the same slot gives the same name, so it can be made only once. Sorts by time. */
export function slotBackupName(schedule: string, slotMs: number): string {
  return `${schedule}-${new Date(slotMs).toISOString().slice(0, 16).replace(/\D/g, "")}`;
}
