import { describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { Manifest } from "../resources/manifest.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, until, worlds } from "./simulated-life.ts";

const BOOTSTRAP = { bootstrap: { backupRef: { name: "old" } } };
const JOB = "kv-restore";
const RESULT = { keys: 30, libraries: 1, expired: 2 };

const startWorld = worlds();

const start = (spec: Readonly<Record<string, unknown>> = BOOTSTRAP) => startWorld(spec);

function seedBackup({ server }: SimulatedKubernetes, status: object = {}): KubernetesObject {
  const completed = { phase: "Completed", claimName: "backups", path: "was/old-12345678", keys: 32, ...status };
  const metadata = { name: "old", namespace: CLUSTER.namespace };
  const spec = { clusterRef: { name: "was" }, destination: { persistentVolumeClaim: { claimName: "backups" } } };
  const backup = server.seed({ ...RESOURCE_KINDS.KVBackup, metadata, spec } as KubernetesObject);
  server.setStatus(backup, completed);
  return backup;
}

function seedClaim({ server }: SimulatedKubernetes): void {
  const metadata = { name: "backups", namespace: CLUSTER.namespace };
  server.seed({ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata });
}

function jobOf({ server }: SimulatedKubernetes): Manifest | undefined {
  return server.find<Manifest>(RESOURCE_KINDS.Job, CLUSTER.namespace, JOB);
}

function argsOf(seen: SimulatedKubernetes): readonly string[] {
  const template = jobOf(seen)?.spec?.template as { spec: { containers: { args: string[] }[] } } | undefined;
  return template?.spec.containers[0]?.args ?? [];
}

function endJob(seen: SimulatedKubernetes, type: "Complete" | "Failed", message: string): void {
  const condition = { type, status: "True", lastTransitionTime: "2026-01-01T12:00:00Z" };
  seen.server.setStatus(jobOf(seen) as Manifest, { conditions: [condition] });
  const labels = { "batch.kubernetes.io/job-name": JOB, "app.kubernetes.io/component": "backup" };
  const terminated = { exitCode: type === "Complete" ? 0 : 1, message };
  const status = { containerStatuses: [{ name: "backup", state: { terminated } }] };
  const metadata = { name: `${JOB}-abcde`, namespace: CLUSTER.namespace, labels };
  seen.server.seed({ apiVersion: "v1", kind: "Pod", metadata, status } as KubernetesObject);
}

const messageOf = (seen: SimulatedKubernetes) => seen.cluster().status?.message;
const reasonsOf = (seen: SimulatedKubernetes) => seen.events.map(({ reason }) => reason);

/** Whether some Service but the headless one selects a pod of the cluster. */
function isReachable(seen: SimulatedKubernetes): boolean {
  const services = seen.server
    .list<Manifest>(RESOURCE_KINDS.Service, CLUSTER.namespace)
    .filter(({ spec }) => spec?.clusterIP !== "None");
  return services.some(({ spec }) => {
    const selector = Object.entries(spec?.selector as Record<string, string>);
    return seen.pods().some(({ metadata }) => selector.every(([key, value]) => metadata.labels?.[key] === value));
  });
}

describe("a KVCluster with spec.bootstrap.backupRef", () => {
  it("is formed, restored by one Job and only then Ready and reachable", async () => {
    const seen = await start({ ...BOOTSTRAP, shards: 5 });
    seedBackup(seen);
    seedClaim(seen);
    await go(seen, 12);
    expect(conditionIn(seen, "ClusterFormed")).toBe("True Formed");
    expect(conditionIn(seen, "Restored")).toBe("False RestoreRunning");
    expect(conditionIn(seen, "Ready")).toBe("False RestoreRunning");
    expect(conditionIn(seen, "Progressing")).toBe("True RestoreRunning");
    expect(seen.cluster().status).toMatchObject({
      phase: "Restoring",
      restore: { source: 'KVBackup "old"', jobName: JOB },
    });
    expect(isReachable(seen)).toBe(false);
    const host = (pod: string) => `${pod}.kv-nodes.apps.svc.cluster.local:6379`;
    expect(argsOf(seen)).toEqual([
      ...["--restore", "/backup/was/old-12345678", "--once", seen.cluster().metadata.uid],
      ...["--to", ["kv-0-0", "kv-1-0", "kv-2-0", "kv-3-0", "kv-4-0"].map(host).join(",")],
      ...["--password-file", "/run/kv-backup/password"],
    ]);
    seen.servers.write();
    await go(seen, 2);
    expect(messageOf(seen)).toBe('Restoring KVBackup "old": 15 % of 32 keys');
    endJob(seen, "Complete", JSON.stringify(RESULT));
    await seen.settle();
    expect(conditionIn(seen, "Restored")).toBe("True Restored");
    expect(conditionIn(seen, "Ready")).toBe("True Serving");
    expect(seen.cluster().status).toMatchObject({
      phase: "Ready",
      restore: { source: 'KVBackup "old"', completedAt: "2026-01-01T12:00:00Z", keys: 30, expired: 2 },
    });
    expect(isReachable(seen)).toBe(true);
    const told = ["WaitingForServers", "RestoreStarted", "RestoreRunning", "Restored", "Ready"];
    expect(reasonsOf(seen).filter((reason) => told.includes(reason))).toEqual(told);
  });

  it.each([
    ["a primary with replicas", { mode: "Replication", shards: 1, replicasPerShard: 1 }, ["kv-0-0", "kv-0-1"]],
    ["one server alone", { mode: "Standalone", shards: 1, replicasPerShard: 0 }, ["kv-0-0"]],
  ])("is %s that is restored through whichever of them leads, and only then reachable", async (_, mode, pods) => {
    const seen = await start({ ...BOOTSTRAP, ...mode });
    seedBackup(seen);
    await go(seen, 12);
    expect(conditionIn(seen, "Restored")).toBe("False ClaimNotFound");
    seedClaim(seen);
    await go(seen, 3);
    expect(conditionIn(seen, "Restored")).toBe("False RestoreRunning");
    expect(conditionIn(seen, "Ready")).toBe("False RestoreRunning");
    expect(isReachable(seen)).toBe(false);
    const to = pods.map((pod) => `${pod}.kv-nodes.apps.svc.cluster.local:6379`).join(",");
    expect(argsOf(seen).slice(4, 6)).toEqual(["--to", to]);
    expect(seen.group.leaders.map((server) => seen.group.isWritable(server))).toEqual([true]);
    endJob(seen, "Complete", JSON.stringify(RESULT));
    await seen.settle();
    expect(conditionIn(seen, "Restored")).toBe("True Restored");
    expect(conditionIn(seen, "Ready")).toBe("True Serving");
    expect(isReachable(seen)).toBe(true);
  });

  it("becomes a cluster only when it is restored, where it was begun as a group", async () => {
    const seen = await start({ ...BOOTSTRAP, mode: "Replication", shards: 1, replicasPerShard: 1 });
    seedBackup(seen);
    seedClaim(seen);
    await go(seen, 12);
    seen.server.change(seen.cluster(), { spec: { mode: "Cluster" } });
    await go(seen, 10);
    expect(conditionIn(seen, "UpToDate")).toBe("False ModeChangeDue");
    expect(seen.group.leaders).toHaveLength(1);
    endJob(seen, "Complete", JSON.stringify(RESULT));
    await until(seen, () => seen.group.servers.length === 0 && conditionIn(seen, "Ready") === "True Serving");
    expect(isReachable(seen)).toBe(true);
  });

  it("comes to the same end though the operator dies after every pass, and sometimes in the middle of one", async () => {
    const seen = await start();
    seedBackup(seen);
    seedClaim(seen);
    for (let round = 0; round < 30; round++) {
      seen.tick();
      if (round % 3 === 1) seen.server.refuse({ method: "PATCH", path: /status|pods/, status: 500 });
      if (round === 20) endJob(seen, "Complete", JSON.stringify(RESULT));
      await seen.pass().catch(() => undefined);
      seen.restartOperator();
    }
    await seen.settle();
    expect(conditionIn(seen, "Restored")).toBe("True Restored");
    const jobs = seen.server.writes.filter(({ method, path }) => method === "POST" && path.includes("/jobs"));
    expect(jobs).toHaveLength(1);
  });

  it("says what is missing, and goes on when it appears", async () => {
    const seen = await start();
    await go(seen, 12);
    expect(conditionIn(seen, "Restored")).toBe("False BackupNotFound");
    expect(messageOf(seen)).toBe('KVBackup "old" is not there');
    expect(seen.cluster().status).toMatchObject({ phase: "Restoring", slotsAssigned: 16384 });
    expect(seen.events.filter(({ reason }) => reason === "BackupNotFound")).toMatchObject([{ type: "Warning" }]);
    const backup = seedBackup(seen, { phase: "Running" });
    await go(seen, 2);
    expect(conditionIn(seen, "Restored")).toBe("False BackupNotCompleted");
    seen.server.setStatus(backup, { phase: "Completed", claimName: "backups", path: "was/old" });
    await go(seen, 2);
    expect(conditionIn(seen, "Restored")).toBe("False ClaimNotFound");
    expect(messageOf(seen)).toBe('PersistentVolumeClaim "backups" of KVBackup "old" is not there');
    expect(jobOf(seen)).toBeUndefined();
    seedClaim(seen);
    await go(seen, 3);
    expect(conditionIn(seen, "Restored")).toBe("False RestoreRunning");
  });

  it("does not wait for a backup that has failed, and says why it did", async () => {
    const seen = await start();
    seedBackup(seen, { phase: "Failed", message: "disk full" });
    await go(seen, 12);
    expect(conditionIn(seen, "Restored")).toBe("False BackupFailed");
    expect(conditionIn(seen, "Degraded")).toBe("True BackupFailed");
    expect(messageOf(seen)).toBe('KVBackup "old" has failed: disk full');
  });

  it("leaves servers alone that hold keys already, such as those of volumes that were kept", async () => {
    const seen = await start();
    seedBackup(seen);
    await go(seen, 12);
    seen.servers.write();
    seedClaim(seen);
    await go(seen, 3);
    expect(conditionIn(seen, "Restored")).toBe("False DataPresent");
    expect(conditionIn(seen, "Ready")).toBe("False DataPresent");
    expect(jobOf(seen)).toBeUndefined();
  });

  it("tells why a restore failed, and goes on with it when the Job is deleted", async () => {
    const seen = await start();
    seedBackup(seen);
    seedClaim(seen);
    await go(seen, 12);
    seen.servers.write();
    endJob(seen, "Failed", 'Key "a": OOM command not allowed');
    await go(seen, 2);
    expect(conditionIn(seen, "Restored")).toBe("False RestoreFailed");
    expect(messageOf(seen)).toBe('Key "a": OOM command not allowed (delete Job "kv-restore" to go on with it)');
    expect(seen.events.filter(({ reason }) => reason === "RestoreFailed")).toMatchObject([{ type: "Warning" }]);
    seen.server.remove(jobOf(seen) as Manifest);
    await go(seen, 2);
    expect(conditionIn(seen, "Restored")).toBe("False RestoreRunning");
  });

  it("is restored once: never again after its Job, its backup and its data are gone", async () => {
    const seen = await start({ ...BOOTSTRAP, storage: { type: "Ephemeral" } });
    const backup = seedBackup(seen);
    seedClaim(seen);
    await go(seen, 12);
    endJob(seen, "Complete", JSON.stringify(RESULT));
    await seen.settle();
    seen.server.remove(jobOf(seen) as Manifest);
    seen.server.remove(backup);
    for (const node of seen.servers.nodes) seen.servers.restartEmpty(node);
    await seen.settle();
    expect(conditionIn(seen, "Restored")).toBe("True Restored");
    expect(conditionIn(seen, "Ready")).toBe("True Serving");
    expect(jobOf(seen)).toBeUndefined();
  });

  it("does not take a Job of its Job's name for its own", async () => {
    const seen = await start();
    seedBackup(seen);
    seedClaim(seen);
    seen.server.seed({ apiVersion: "batch/v1", kind: "Job", metadata: { name: JOB, namespace: CLUSTER.namespace } });
    await go(seen, 12);
    expect(conditionIn(seen, "Restored")).toBe("False NameTaken");
  });

  it("is filled from a running Redis: fetched by replication first, then restored", async () => {
    const passwordSecretRef = { name: "old-redis", key: "pw" };
    const externalSource = { addresses: ["old-0:6379", "old-1:6379"], userName: "copier", passwordSecretRef };
    const seen = await start({ bootstrap: { externalSource } });
    await go(seen, 12);
    expect(conditionIn(seen, "Restored")).toBe("False RestoreRunning");
    expect(messageOf(seen)).toBe("Restoring old-0:6379 and 1 more");
    const spec = jobOf(seen)?.spec as { ttlSecondsAfterFinished?: number; template: { spec: Record<string, unknown> } };
    expect(spec.ttlSecondsAfterFinished).toBeUndefined();
    const sources = ["--source", "0=old-0:6379", "--source", "1=old-1:6379", "--user", "copier"];
    const passwordFile = ["--password-file", "/run/kv-backup/password"];
    expect(spec.template.spec).toMatchObject({
      initContainers: [{ name: "fetch", args: ["--directory", "/backup/import", ...sources, ...passwordFile] }],
      containers: [{ name: "backup" }],
      volumes: [
        { name: "backup", emptyDir: {} },
        { name: "backup-password", secret: { secretName: "kv-server-auth" } },
        { name: "fetch-password", secret: { secretName: "old-redis", items: [{ key: "pw", path: "password" }] } },
      ],
    });
    expect(argsOf(seen).slice(0, 3)).toEqual(["--restore", "/backup/import", "--replace"]);
    endJob(seen, "Complete", JSON.stringify(RESULT));
    await seen.settle();
    expect(conditionIn(seen, "Ready")).toBe("True Serving");
    const told = seen.events.filter(({ reason }) => reason === "Restored").map(({ note }) => note);
    expect(told).toEqual(["30 keys came from old-0:6379 and 1 more, 2 more had expired"]);
  });

  it("keeps what it knows of the restore when a pass ends early", async () => {
    const seen = await start({ ...BOOTSTRAP, auth: { passwordSecretRef: { name: "mine", key: "pw" } } });
    await seen.pass();
    expect(conditionIn(seen, "Restored")).toBe("False ServersUnknown");
  });
});
