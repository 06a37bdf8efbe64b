import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KVCluster } from "../api/kv-cluster.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { sourcesOf } from "./backup-job.ts";
import { RESULT, SimulatedBackups } from "./simulated-backups.ts";

let world: SimulatedBackups;

const JOB = "now-backup";
const status = () => world.backup("now")?.status;
const args = () => {
  const template = world.job(JOB)?.spec.template as { spec: { containers: { args: string[]; image: string }[] } };
  return template.spec.containers[0]?.args ?? [];
};

beforeEach(async () => {
  world = await SimulatedBackups.start();
});

afterEach(() => world.stop());

describe("a KVBackup", () => {
  it("starts one Job that reads each shard from its ready replica, and makes the claim", async () => {
    world.seedCluster();
    world.seedBackup("now");
    await world.reconcileBackup("now");
    expect(world.jobs).toEqual([JOB]);
    expect(sourcesOf(world.job(JOB) as never)).toEqual([
      { index: 0, pod: "demo-0-1", address: "demo-0-1.demo-nodes.apps.svc.cluster.local:6379", slots: "0000-0999" },
      { index: 1, pod: "demo-1-1", address: "demo-1-1.demo-nodes.apps.svc.cluster.local:6379", slots: "1000-1999" },
      { index: 2, pod: "demo-2-1", address: "demo-2-1.demo-nodes.apps.svc.cluster.local:6379", slots: "2000-2999" },
    ]);
    expect(world.server.find(RESOURCE_KINDS.PersistentVolumeClaim, "apps", "demo-backup")).toMatchObject({
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    });
    expect(status()).toMatchObject({ phase: "Running", conditions: [{ type: "Completed", status: "False" }] });
    expect(world.reasons()).toEqual(["BackupStarted"]);
  });

  it("keeps the password off the command line and runs restricted", async () => {
    world.seedCluster();
    world.seedBackup("now");
    await world.reconcileBackup("now");
    expect(args()).toContain("/run/kv-backup/password");
    expect(world.job(JOB)?.spec).toMatchObject({
      activeDeadlineSeconds: 3600,
      podReplacementPolicy: "Failed",
      template: {
        spec: {
          restartPolicy: "Never",
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              command: ["kv-backup"],
              image: "kvcluster/server:default",
              securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
            },
          ],
          volumes: [
            { persistentVolumeClaim: { claimName: "demo-backup" } },
            { secret: { secretName: "demo-server-auth", items: [{ key: "password", path: "password" }] } },
          ],
        },
      },
    });
  });

  it("waits while its cluster is being restored: the files would hold a part only", async () => {
    world.seedCluster({}, { conditions: [{ type: "Restored", status: "False" }] });
    world.seedBackup("now");
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Pending", conditions: [{ reason: "ClusterRestoring" }] });
    expect(world.jobs).toEqual([]);
  });

  it("waits while slots move between shards, and fails when some did all the same", async () => {
    world.seedCluster({}, { conditions: [{ type: "Balanced", status: "False" }] });
    world.seedBackup("now");
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Pending", conditions: [{ reason: "SlotsMoving" }] });
    const cluster = world.server.find(RESOURCE_KINDS.KVCluster, "apps", "demo") as KVCluster;
    world.server.setStatus(cluster, { ...cluster.status, conditions: [{ type: "Balanced", status: "True" }] });
    await world.reconcileBackup("now");
    const [first, ...others] = cluster.status?.shardStatus ?? [];
    world.server.setStatus(cluster, { ...cluster.status, shardStatus: [{ ...first, slots: "0000-0500" }, ...others] });
    world.endJob(JOB, "Complete", JSON.stringify(RESULT));
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Failed", conditions: [{ reason: "SlotsMoved" }] });
  });

  it("reads from the primary where no replica is ready, and where that is asked for", async () => {
    world.seedCluster();
    world.seedServer("demo-1-1", false);
    world.seedBackup("now");
    await world.reconcileBackup("now");
    expect(sourcesOf(world.job(JOB) as never).map(({ pod }) => pod)).toEqual(["demo-0-1", "demo-1-0", "demo-2-1"]);
    world.seedBackup("primaries", { target: "Primary" });
    await world.reconcileBackup("primaries");
    const sources = sourcesOf(world.job("primaries-backup") as never);
    expect(sources.map(({ pod }) => pod)).toEqual(["demo-0-0", "demo-1-0", "demo-2-0"]);
  });

  it("completes with sizes, keys and checksums, and is never touched again", async () => {
    world.seedCluster();
    world.seedBackup("now");
    await world.complete("now");
    const uid = world.backup("now")?.metadata.uid?.slice(0, 8);
    expect(status()).toMatchObject({
      phase: "Completed",
      keys: 30,
      sizeBytes: 300,
      size: "300 B",
      verified: true,
      claimName: "demo-backup",
      path: `demo/now-${uid}`,
      jobName: JOB,
      startedAt: "2026-01-01T12:00:30Z",
      completedAt: "2026-01-01T12:00:30Z",
      conditions: [{ type: "Completed", status: "True", reason: "Completed" }],
    });
    expect(status()?.shards?.[1]).toEqual({ ...RESULT.shards[1], source: "demo-1-1", slots: "1000-1999" });
    const writes = world.server.writes.length;
    expect(await world.reconcileBackup("now")).toEqual({});
    expect(world.server.writes).toHaveLength(writes);
    expect(world.reasons()).toEqual(["BackupStarted", "BackupCompleted"]);
  });

  it("reports completion once though its cache lags", async () => {
    world.seedCluster();
    world.seedBackup("now");
    await world.reconcileBackup("now");
    world.endJob(JOB, "Complete", JSON.stringify(RESULT));
    await world.reconcileBackup("now");
    const version = world.server.resourceVersion;
    world.isStale = true;
    await world.clock.advance(5_000);
    await world.reconcileBackup("now");
    expect(world.server.resourceVersion).toBe(version);
    expect(world.reasons()).toEqual(["BackupStarted", "BackupCompleted"]);
  });

  it("finds its Job again when the operator died right after making it", async () => {
    world.seedCluster();
    world.seedBackup("now");
    world.server.refuse({ status: 500, path: /kvbackups.*status/ });
    await expect(world.reconcileBackup("now")).rejects.toThrow(/refused by the test/);
    world.isStale = true;
    await world.reconcileBackup("now");
    world.isStale = false;
    expect(status()?.phase).toBe("Running");
    world.endJob(JOB, "Complete", JSON.stringify(RESULT));
    await world.reconcileBackup("now");
    expect(world.jobs).toEqual([JOB]);
    expect(status()?.phase).toBe("Completed");
    expect(world.reasons()).toEqual(["BackupStarted", "BackupCompleted"]);
  });

  it("takes totals when there were too many shards for the message", async () => {
    world.seedCluster();
    world.seedBackup("now");
    await world.reconcileBackup("now");
    world.endJob(JOB, "Complete", JSON.stringify({ keys: 5, sizeBytes: 2048, verified: true }));
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Completed", keys: 5, size: "2.0 KiB" });
    expect(status()?.shards).toBeUndefined();
  });

  it.each([
    ["says nothing", ""],
    ["says no JSON", "done"],
    ["does not add up", JSON.stringify({ ...RESULT, keys: 31 })],
    ["lacks counts", JSON.stringify({ verified: true })],
  ])("fails when its Job ends well but %s", async (_what, message) => {
    world.seedCluster();
    world.seedBackup("now");
    await world.reconcileBackup("now");
    world.endJob(JOB, "Complete", message);
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Failed", conditions: [{ reason: "NoResult" }] });
  });

  it("fails when the files were to be verified and were not", async () => {
    world.seedCluster();
    world.seedBackup("now");
    await world.reconcileBackup("now");
    world.endJob(JOB, "Complete", JSON.stringify({ ...RESULT, verified: false }));
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Failed", conditions: [{ reason: "NotVerified" }] });
  });

  it("fails with the words of its pod, with a warning event", async () => {
    world.seedCluster();
    world.seedBackup("now");
    await world.reconcileBackup("now");
    world.endJob(JOB, "Failed", 'Shard 1: write "/backup/demo": no space left on device\n', "BackoffLimitExceeded");
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({
      phase: "Failed",
      message: 'Shard 1: write "/backup/demo": no space left on device',
      conditions: [{ status: "False", reason: "RunFailed" }],
    });
    expect(world.events.at(-1)).toMatchObject({ type: "Warning", reason: "BackupFailed" });
  });

  it("fails when its Job is deleted under it, instead of running for ever", async () => {
    world.seedCluster();
    world.seedBackup("now");
    await world.reconcileBackup("now");
    world.server.remove(world.job(JOB) as KubernetesObject);
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Failed", conditions: [{ reason: "JobLost" }] });
  });

  it("does not take over a Job of the same name that is not its own", async () => {
    world.seedCluster();
    world.seedBackup("now");
    const foreign = { apiVersion: "batch/v1", kind: "Job", metadata: { namespace: "apps", name: JOB }, spec: {} };
    world.server.seed(foreign);
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Failed", conditions: [{ reason: "NameTaken" }] });
  });

  it("waits for its cluster and says so, and gives up when its time is over", async () => {
    world.seedBackup("now", { timeoutSeconds: 60 });
    expect(await world.reconcileBackup("now")).toEqual({ requeueAfterMs: 10_000 });
    expect(status()).toMatchObject({ phase: "Pending", message: 'KVCluster "demo" is not there' });
    await world.clock.advance(61_000);
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Failed", conditions: [{ reason: "TimedOut" }] });
    expect(status()?.message).toContain('KVCluster "demo" is not there');
  });

  it("waits for a shard that has no ready server", async () => {
    world.seedCluster();
    world.seedServer("demo-2-0", false);
    world.seedServer("demo-2-1", false);
    world.seedBackup("now");
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Pending", message: 'Shard 2 of KVCluster "demo" has no ready server' });
    world.seedServer("demo-2-0", true);
    await world.reconcileBackup("now");
    expect(status()?.phase).toBe("Running");
  });

  it("says what the API server refuses, and tries again", async () => {
    world.seedCluster();
    world.seedBackup("now");
    world.server.refuse({ method: "POST", path: /jobs/, status: 403 });
    expect(await world.reconcileBackup("now")).toEqual({ requeueAfterMs: 10_000 });
    expect(world.backup("now")?.status).toMatchObject({ phase: "Pending", conditions: [{ reason: "Refused" }] });
    await world.reconcileBackup("now");
    expect(world.backup("now")?.status?.phase).toBe("Running");
  });

  it("waits for a claim that it was told to use", async () => {
    world.seedCluster();
    world.seedBackup("now", { destination: { persistentVolumeClaim: { claimName: "mine" } } });
    await world.reconcileBackup("now");
    expect(status()).toMatchObject({ phase: "Pending", message: 'PersistentVolumeClaim "mine" is not there' });
    world.server.seed({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { namespace: "apps", name: "mine" },
    });
    await world.reconcileBackup("now");
    expect(world.jobs).toEqual([JOB]);
  });

  it("uses the image and places that the cluster says, and the password that its servers run with", async () => {
    world.seedCluster({
      image: "registry.example/server:2",
      imagePullSecrets: [{ name: "pull" }],
      auth: { passwordSecretRef: { name: "mine", key: "pw" } },
      scheduling: { nodeSelector: { disk: "ssd" } },
    });
    world.seedBackup("now");
    await world.reconcileBackup("now");
    expect(world.job(JOB)?.spec.template).toMatchObject({
      spec: {
        nodeSelector: { disk: "ssd" },
        imagePullSecrets: [{ name: "pull" }],
        containers: [{ image: "registry.example/server:2" }],
        volumes: [{}, { secret: { secretName: "demo-server-auth", items: [{ key: "password" }] } }],
      },
    });
  });
});
