// A Kubernetes for the tests of backups: the fake API server over HTTP with one formed cluster, caches filled from it
// before each pass, and Jobs that end when the test says so.

import type { KVBackup } from "../api/kv-backup.ts";
import { kvBackupSpecSchema } from "../api/kv-backup.ts";
import { kvClusterSpecSchema } from "../api/kv-cluster.ts";
import { type KVScheduledBackup, kvScheduledBackupSpecSchema } from "../api/kv-scheduled-backup.ts";
import { withDefaults } from "../api/schema.ts";
import { KubeClient } from "../kube/client.ts";
import { httpTransport } from "../kube/http-transport.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { Cache } from "../runtime/cache.ts";
import type { EventNote } from "../runtime/event-recorder.ts";
import { FakeApiServer } from "../runtime/fake-api-server.ts";
import { ManualClock } from "../runtime/manual-clock.ts";
import { StatusWriter } from "../runtime/status-writer.ts";
import type { Outcome } from "../runtime/work-queue.ts";
import { createBackupReconciler } from "./backup-reconciler.ts";
import { type BackupCaches, createBackupStore } from "./backup-store.ts";
import type { Job } from "./job-manifest.ts";
import { createScheduledBackupReconciler } from "./scheduled-backup-reconciler.ts";

const NAMESPACE = "apps";
const CACHED = ["KVCluster", "KVBackup", "KVScheduledBackup", "Job", "Pod"] as const;

export const RESULT = {
  keys: 30,
  sizeBytes: 300,
  verified: true,
  shards: [
    { index: 0, file: "shard-0.rdb", sizeBytes: 100, keys: 10, sha256: "a".repeat(64) },
    { index: 1, file: "shard-1.rdb", sizeBytes: 100, keys: 10, sha256: "b".repeat(64) },
    { index: 2, file: "shard-2.rdb", sizeBytes: 100, keys: 10, sha256: "c".repeat(64) },
  ],
};

export class SimulatedBackups {
  readonly server: FakeApiServer;
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1, 12, 0, 30));
  readonly events: EventNote[] = [];
  readonly #caches: BackupCaches;
  readonly #backup: (name: { namespace: string; name: string }) => Promise<Outcome>;
  readonly #schedule: (name: { namespace: string; name: string }) => Promise<Outcome>;
  readonly #close: () => void;
  /** Caches are not refreshed while true. */
  isStale = false;

  private constructor(server: FakeApiServer) {
    this.server = server;
    const transport = httpTransport({ url: server.url, requestOptions: async () => ({}) }, this.clock);
    const client = new KubeClient(transport);
    const fail = (error: unknown) => {
      throw error;
    };
    this.#caches = Object.fromEntries(CACHED.map((kind) => [kind, new Cache(fail)])) as unknown as BackupCaches;
    const statusWriter = new StatusWriter(client, this.clock);
    const store = createBackupStore({ client, caches: this.#caches, statusWriter });
    const options = { defaultImage: "kvcluster/server:default", clusterDomain: "cluster.local" };
    const dependencies = { store, clock: this.clock, events: { record: (note: EventNote) => this.events.push(note) } };
    this.#backup = createBackupReconciler(options, dependencies);
    this.#schedule = createScheduledBackupReconciler(options, dependencies);
    this.#close = () => transport.close();
  }

  static async start(): Promise<SimulatedBackups> {
    const clock: { now: () => number } = { now: () => 0 };
    const server = new FakeApiServer({ kinds: Object.values(RESOURCE_KINDS), now: () => clock.now() });
    await server.start();
    const world = new SimulatedBackups(server);
    clock.now = () => world.clock.now();
    return world;
  }

  async stop(): Promise<void> {
    this.#close();
    await this.server.stop();
  }

  // ---- what is there ----

  seedCluster(fields: Readonly<Record<string, unknown>> = {}, status: object = {}): void {
    const shardStatus = [0, 1, 2].map((index) => ({
      index,
      primary: `demo-${index}-0`,
      replicas: [`demo-${index}-1`],
      slots: `${index}000-${index}999`,
    }));
    this.#seed("KVCluster", "demo", {
      spec: withDefaults(kvClusterSpecSchema, fields),
      status: { shardStatus, ...status },
    });
    for (const { primary, replicas } of shardStatus) {
      for (const pod of [primary, ...replicas]) {
        this.seedServer(pod, true);
      }
    }
  }

  /** A new cluster that `backup` is restored into. */
  seedRestored(backup: string): KubernetesObject {
    const spec = withDefaults(kvClusterSpecSchema, { bootstrap: { backupRef: { name: backup } } });
    return this.#seed("KVCluster", "restored", { spec });
  }

  seedServer(name: string, ready: boolean): void {
    const labels = { "kvcluster.dev/cluster": "demo", "app.kubernetes.io/component": "server" };
    const status = { conditions: [{ type: "Ready", status: ready ? "True" : "False" }] };
    const known = this.server.find(RESOURCE_KINDS.Pod, NAMESPACE, name);
    if (known === undefined) {
      this.#seed("Pod", name, { status }, labels);
    } else {
      this.server.setStatus(known, status);
    }
  }

  seedBackup(name: string, fields: Readonly<Record<string, unknown>> = {}, labels: Record<string, string> = {}): void {
    const destination = { persistentVolumeClaim: { size: "1Gi" } };
    const spec = withDefaults(kvBackupSpecSchema, { clusterRef: { name: "demo" }, destination, ...fields });
    this.#seed("KVBackup", name, { spec }, labels);
  }

  seedSchedule(name: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const template = { destination: { persistentVolumeClaim: { size: "1Gi" } } };
    const complete = { clusterRef: { name: "demo" }, schedule: "* * * * *", template, ...fields };
    this.#seed("KVScheduledBackup", name, { spec: withDefaults(kvScheduledBackupSpecSchema, complete) });
  }

  // ---- what happens ----

  async reconcileBackup(name: string): Promise<Outcome> {
    this.#refresh();
    return this.#backup({ namespace: NAMESPACE, name });
  }

  async reconcileSchedule(name: string): Promise<Outcome> {
    this.#refresh();
    return this.#schedule({ namespace: NAMESPACE, name });
  }

  /** Lets a Job end, with what its container said last. */
  endJob(name: string, type: "Complete" | "Failed", message: string, reason?: string): void {
    const job = this.job(name);
    const lastTransitionTime = new Date(this.clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
    const condition = { type, status: "True", lastTransitionTime, ...(reason === undefined ? {} : { reason }) };
    this.server.setStatus(job as KubernetesObject, { conditions: [condition] });
    const terminated = { exitCode: type === "Complete" ? 0 : 1, message };
    const labels = { "batch.kubernetes.io/job-name": name, "app.kubernetes.io/component": "backup" };
    const containerStatuses = [{ name: "backup", state: { terminated } }];
    this.#seed("Pod", `${name}-abcde`, { status: { phase: "Succeeded", containerStatuses } }, labels);
  }

  removeClaim(name: string): void {
    const metadata = { namespace: NAMESPACE, name };
    this.server.remove({ ...RESOURCE_KINDS.PersistentVolumeClaim, metadata });
  }

  // ---- what came of it ----

  job(name: string): Job | undefined {
    return this.server.find<Job>(RESOURCE_KINDS.Job, NAMESPACE, name);
  }

  get jobs(): string[] {
    return this.server.list(RESOURCE_KINDS.Job, NAMESPACE).map(({ metadata }) => metadata.name);
  }

  backup(name: string): KVBackup | undefined {
    return this.server.find<KVBackup>(RESOURCE_KINDS.KVBackup, NAMESPACE, name);
  }

  get backups(): string[] {
    return this.server.list(RESOURCE_KINDS.KVBackup, NAMESPACE).map(({ metadata }) => metadata.name);
  }

  schedule(name: string): KVScheduledBackup | undefined {
    return this.server.find<KVScheduledBackup>(RESOURCE_KINDS.KVScheduledBackup, NAMESPACE, name);
  }

  reasons(): string[] {
    return this.events.map(({ reason }) => reason);
  }

  /** Takes a backup from its creation to its end. */
  async complete(name: string): Promise<void> {
    await this.reconcileBackup(name);
    this.endJob(`${name}-backup`, "Complete", JSON.stringify(RESULT));
    await this.reconcileBackup(name);
  }

  #seed(
    kind: keyof typeof RESOURCE_KINDS,
    name: string,
    fields: object,
    labels: Record<string, string> = {},
  ): KubernetesObject {
    const { apiVersion, kind: kindName } = RESOURCE_KINDS[kind];
    return this.server.seed({
      apiVersion,
      kind: kindName,
      metadata: { namespace: NAMESPACE, name, labels },
      ...fields,
    });
  }

  #refresh(): void {
    if (!this.isStale) {
      for (const kind of CACHED) {
        (this.#caches[kind] as Cache).replace(this.server.list(RESOURCE_KINDS[kind]));
      }
    }
  }
}
