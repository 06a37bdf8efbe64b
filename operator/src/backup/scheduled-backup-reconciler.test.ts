import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { SimulatedBackups } from "./simulated-backups.ts";

let world: SimulatedBackups;

const NAME = "minutely";
const status = () => world.schedule(NAME)?.status;

/** Time goes on by a minute; the schedule and what it made are looked after. */
async function minute(): Promise<void> {
  await world.clock.advance(60_000);
  await world.reconcileSchedule(NAME);
  for (const name of world.backups) {
    if (world.backup(name)?.status?.phase === undefined) {
      await world.complete(name);
    }
  }
  await world.reconcileSchedule(NAME);
}

beforeEach(async () => {
  world = await SimulatedBackups.start();
  world.seedCluster();
});

afterEach(() => world.stop());

describe("a KVScheduledBackup", () => {
  it("waits for its slot and then makes one backup of it, labelled and made as the template says", async () => {
    world.seedSchedule(NAME, {
      template: { destination: { persistentVolumeClaim: { claimName: "mine" } }, target: "Primary" },
    });
    expect(await world.reconcileSchedule(NAME)).toEqual({ requeueAfterMs: 30_010 });
    expect(status()).toMatchObject({ nextScheduleTime: "2026-01-01T12:01:00Z" });
    await world.clock.advance(30_010);
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual(["minutely-202601011201"]);
    expect(world.backup("minutely-202601011201")).toMatchObject({
      metadata: { labels: { "kvcluster.dev/scheduled-backup": NAME, "kvcluster.dev/cluster": "demo" } },
      spec: {
        clusterRef: { name: "demo" },
        target: "Primary",
        destination: { persistentVolumeClaim: { claimName: "mine" } },
      },
    });
    expect(status()).toMatchObject({
      lastScheduleTime: "2026-01-01T12:01:00Z",
      lastBackupName: "minutely-202601011201",
      nextScheduleTime: "2026-01-01T12:02:00Z",
      conditions: [{ type: "Scheduled", status: "True" }],
    });
  });

  it("makes a slot's backup once, though the write of its status was lost", async () => {
    world.seedSchedule(NAME, { immediate: true });
    world.server.refuse({ status: 500, path: /kvscheduledbackups.*status/ });
    await expect(world.reconcileSchedule(NAME)).rejects.toThrow(/refused by the test/);
    expect(world.backups).toEqual(["minutely-202601011200"]);
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual(["minutely-202601011200"]);
    expect(status()?.lastBackupName).toBe("minutely-202601011200");
    expect(world.reasons()).toEqual(["BackupCreated"]);
  });

  it("skips a slot whose name somebody else took, and goes on with the next", async () => {
    world.seedSchedule(NAME, { immediate: true });
    world.seedBackup("minutely-202601011200");
    await world.reconcileSchedule(NAME);
    expect(world.events.at(-1)).toMatchObject({ type: "Warning", reason: "SlotSkipped" });
    expect(status()?.lastBackupName).toBeUndefined();
    await world.clock.advance(30_000);
    await world.reconcileSchedule(NAME);
    expect(status()?.lastBackupName).toBe("minutely-202601011201");
  });

  it("starts no second backup while one is under way", async () => {
    world.seedSchedule(NAME, { immediate: true });
    await world.reconcileSchedule(NAME);
    await world.clock.advance(60_000);
    await world.reconcileSchedule(NAME);
    expect(world.backups).toHaveLength(1);
    expect(status()?.conditions?.[0]).toMatchObject({ status: "True", reason: "Waiting" });
    await world.complete("minutely-202601011200");
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual(["minutely-202601011200", "minutely-202601011201"]);
  });

  it("replays nothing after the operator was away for hours", async () => {
    world.seedSchedule(NAME, { immediate: true });
    await world.reconcileSchedule(NAME);
    await world.complete("minutely-202601011200");
    await world.clock.advance(6 * 3_600_000);
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual(["minutely-202601011200", "minutely-202601011800"]);
  });

  it("makes nothing while suspended, and carries on with the next slot afterwards", async () => {
    world.seedSchedule(NAME, { suspend: true });
    await world.clock.advance(600_000);
    await world.reconcileSchedule(NAME);
    expect(status()?.conditions?.[0]).toMatchObject({ status: "False", reason: "Suspended" });
    world.server.change(world.schedule(NAME) as KubernetesObject, { spec: { suspend: false } });
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual([]);
    await world.clock.advance(30_000);
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual(["minutely-202601011211"]);
  });

  it("keeps exactly its retention: files go first, by a Job, then the object", async () => {
    world.seedSchedule(NAME, { retention: { keepLast: 2 } });
    await world.reconcileSchedule(NAME);
    for (let count = 0; count < 3; count++) {
      await minute();
    }
    const deletion = "minutely-202601011201-delete";
    expect(world.jobs).toContain(deletion);
    expect(world.backups).toHaveLength(3);
    const path = world.backup("minutely-202601011201")?.status?.path;
    expect(world.job(deletion)?.spec.template).toMatchObject({
      spec: {
        containers: [{ command: ["kv-backup"], args: ["--delete", `/backup/${path}`] }],
        volumes: [{ persistentVolumeClaim: { claimName: "demo-backup" } }],
      },
    });
    world.endJob(deletion, "Complete", "");
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual(["minutely-202601011202", "minutely-202601011203"]);
    expect(world.reasons()).toContain("BackupDeleted");
  });

  it("keeps the object of a backup whose files could not be deleted, and tries again", async () => {
    world.seedSchedule(NAME, { retention: { keepLast: 1 } });
    await world.reconcileSchedule(NAME);
    await minute();
    await minute();
    const deletion = "minutely-202601011201-delete";
    world.endJob(deletion, "Failed", "Permission denied");
    await world.reconcileSchedule(NAME);
    expect(world.backups).toContain("minutely-202601011201");
    expect(world.events.at(-1)).toMatchObject({ type: "Warning", reason: "DeletionFailed" });
    world.server.remove(world.job(deletion) as KubernetesObject);
    await world.reconcileSchedule(NAME);
    expect(world.jobs).toContain(deletion);
  });

  it("keeps a backup that a new cluster is still to be restored from", async () => {
    world.seedSchedule(NAME, { retention: { keepLast: 1 } });
    await world.reconcileSchedule(NAME);
    await minute();
    const restored = world.seedRestored("minutely-202601011201");
    await minute();
    await world.reconcileSchedule(NAME);
    expect(world.jobs).not.toContain("minutely-202601011201-delete");
    world.server.setStatus(restored, { restore: { completedAt: "2026-01-01T12:03:00Z" } });
    await world.reconcileSchedule(NAME);
    expect(world.jobs).toContain("minutely-202601011201-delete");
  });

  it("goes on with other backups when the files of some cannot be deleted", async () => {
    world.seedSchedule(NAME, { retention: { keepLast: 1 } });
    await world.reconcileSchedule(NAME);
    for (let count = 0; count < 4; count++) {
      await minute();
    }
    for (const name of ["minutely-202601011201", "minutely-202601011202"]) {
      world.endJob(`${name}-delete`, "Failed", "Permission denied");
    }
    await world.reconcileSchedule(NAME);
    expect(world.jobs).toContain("minutely-202601011203-delete");
  });

  it("says what the API server refuses, and tries again", async () => {
    world.seedSchedule(NAME, { immediate: true });
    world.server.refuse({ method: "POST", path: /kvbackups/, status: 403 });
    await expect(world.reconcileSchedule(NAME)).rejects.toThrow();
    expect(world.events.at(-1)).toMatchObject({ type: "Warning", reason: "BackupRefused" });
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual(["minutely-202601011200"]);
  });

  it("lets a backup go whose volume is gone, and its files with it", async () => {
    world.seedSchedule(NAME);
    await world.reconcileSchedule(NAME);
    await minute();
    await minute();
    world.removeClaim("demo-backup");
    world.server.change(world.schedule(NAME) as KubernetesObject, { spec: { retention: { keepLast: 1 } } });
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual(["minutely-202601011202"]);
    expect(world.jobs).not.toContain("minutely-202601011201-delete");
  });

  it("writes nothing between slots", async () => {
    world.seedSchedule(NAME, { schedule: "0 3 * * *" });
    await world.reconcileSchedule(NAME);
    const version = world.server.resourceVersion;
    for (let pass = 0; pass < 5; pass++) {
      await world.clock.advance(600_000);
      expect(await world.reconcileSchedule(NAME)).toEqual({ requeueAfterMs: 600_000 });
    }
    expect(world.server.resourceVersion).toBe(version);
  });

  it("says what is wrong with its time zone, and starts nothing", async () => {
    world.seedSchedule(NAME, { timeZone: "Europe/Nowhere" });
    await world.clock.advance(60_000);
    await world.reconcileSchedule(NAME);
    expect(world.backups).toEqual([]);
    expect(status()).toMatchObject({ conditions: [{ status: "False", reason: "InvalidTimeZone" }] });
  });
});
