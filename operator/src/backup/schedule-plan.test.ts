import { describe, expect, it } from "vitest";
import { type KVScheduledBackupStatus, kvScheduledBackupSpecSchema } from "../api/kv-scheduled-backup.ts";
import { withDefaults } from "../api/schema.ts";
import { planSchedule, type SchedulePlan, slotBackupName } from "./schedule-plan.ts";

const at = (text: string) => Date.parse(`2026-01-01T${text}Z`);

interface Facts {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: KVScheduledBackupStatus;
  readonly now: string;
  readonly running?: readonly string[];
}

/** A schedule of every ten minutes, created at 12:05. */
function plan({ spec = {}, status, now, running = [] }: Facts): SchedulePlan {
  const template = { destination: { persistentVolumeClaim: { size: "1Gi" } } };
  const complete = { clusterRef: { name: "demo" }, schedule: "*/10 * * * *", template, ...spec };
  return planSchedule({
    spec: withDefaults(kvScheduledBackupSpecSchema, complete),
    status,
    createdMs: at("12:05:00"),
    nowMs: at(now),
    name: "nightly",
    running,
  });
}

const settled = (text: string): KVScheduledBackupStatus => ({ lastCheckTime: `2026-01-01T${text}Z` });

describe("planSchedule", () => {
  it("waits for the first slot after creation", () => {
    expect(plan({ now: "12:05:10" })).toEqual({ kind: "wait", nextMs: at("12:10:00") });
  });

  it("starts a slot when it comes, once", () => {
    expect(plan({ now: "12:10:00" })).toEqual({ kind: "start", slotMs: at("12:10:00"), nextMs: at("12:20:00") });
    expect(plan({ status: settled("12:10:00"), now: "12:10:00" })).toEqual({ kind: "wait", nextMs: at("12:20:00") });
  });

  it("starts the first backup at once when that is wanted, named for the minute of creation", () => {
    const wish = { spec: { immediate: true }, now: "12:05:01" };
    expect(plan(wish)).toMatchObject({ kind: "start", slotMs: at("12:05:00") });
    expect(plan({ ...wish, status: settled("12:05:00") })).toMatchObject({ kind: "wait" });
  });

  it("starts only the latest of many missed slots, while it is young enough", () => {
    const facts = { status: settled("12:10:00"), now: "15:42:00" };
    expect(plan(facts)).toMatchObject({ kind: "start", slotMs: at("15:40:00") });
  });

  it("skips what is older than the starting deadline, and says so once", () => {
    const facts = { status: settled("12:10:00"), now: "12:26:00" };
    expect(plan(facts)).toEqual({ kind: "wait", nextMs: at("12:30:00"), settledMs: at("12:26:00"), skipped: true });
    expect(plan({ ...facts, status: settled("12:26:00") })).toEqual({ kind: "wait", nextMs: at("12:30:00") });
  });

  it("holds a slot back while a backup is under way, until it is too old", () => {
    const facts = { status: settled("12:10:00"), running: ["nightly-202601011210"] };
    expect(plan({ ...facts, now: "12:21:00" })).toMatchObject({ kind: "blocked", slotMs: at("12:20:00") });
    expect(plan({ ...facts, now: "12:21:00", running: [] })).toMatchObject({
      kind: "start",
      slotMs: at("12:20:00"),
    });
    expect(plan({ ...facts, now: "12:25:01" })).toMatchObject({ kind: "wait", skipped: true });
  });

  it("takes up a slot's own backup that was made without being written down", () => {
    const facts = { status: settled("12:10:00"), running: ["nightly-202601011220"], now: "12:21:00" };
    expect(plan(facts)).toMatchObject({ kind: "start", slotMs: at("12:20:00") });
  });

  it("starts nothing while suspended, and does not make up for it afterwards", () => {
    expect(plan({ spec: { suspend: true }, now: "12:10:00" })).toEqual({ kind: "suspended" });
    const condition = {
      type: "Scheduled",
      status: "False",
      reason: "Suspended",
      message: "",
      lastTransitionTime: "",
    } as const;
    const status = { ...settled("12:10:00"), conditions: [condition] };
    expect(plan({ status, now: "12:21:00" })).toEqual({
      kind: "wait",
      nextMs: at("12:30:00"),
      settledMs: at("12:21:00"),
    });
  });

  it.each([
    [{ schedule: "30-10 * * * *" }, "InvalidSchedule"],
    [{ schedule: "0 0 31 2 *" }, "InvalidSchedule"],
    [{ timeZone: "Europe/Nowhere" }, "InvalidTimeZone"],
  ])("says what is wrong with %j", (spec, reason) => {
    expect(plan({ spec, now: "12:10:00" })).toMatchObject({ kind: "invalid", reason });
  });
});

describe("slotBackupName", () => {
  it("is the same for the same slot, and sorts by time", () => {
    expect(slotBackupName("nightly", at("03:30:00"))).toBe("nightly-202601010330");
    expect(slotBackupName("nightly", at("03:31:00")) > slotBackupName("nightly", at("03:30:00"))).toBe(true);
  });
});
