// The operator's metrics for Prometheus: its own work, and what the caches say of clusters and backups (cluster-metrics.ts).
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { OBJECT_METRICS } from "./cluster-metrics.ts";
import type { Caches } from "./kube/mirror.ts";
import type { ObjectName } from "./kubernetes-object.ts";
import type { Change, ChangeCounter } from "./reconcile/change-meter.ts";
import type { Controller, ReconcileMeter } from "./runtime/controller.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The label of a change that a slot migration went through; any other change is a failover. */
const MIGRATIONS: Readonly<Partial<Record<Change, string>>> = {
  migrationStarted: "started",
  migrationFinished: "finished",
  migrationFailed: "failed",
};

export class OperatorMetrics implements ReconcileMeter, ChangeCounter {
  readonly registry = new Registry();
  readonly #failovers: Counter<"namespace" | "name">;
  readonly #migrations: Counter<"namespace" | "name" | "event">;
  readonly #reconciles: Counter<"controller" | "result">;
  readonly #durations: Histogram<"controller">;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#reconciles = new Counter({
      name: "kv_operator_reconcile_total",
      help: "Reconcile calls by result",
      labelNames: ["controller", "result"],
      registers,
    });
    this.#failovers = new Counter({
      name: "kv_operator_failovers_total",
      help: "Changes of a shard's primary, planned ones too",
      labelNames: ["namespace", "name"],
      registers,
    });
    this.#migrations = new Counter({
      name: "kv_operator_slot_migrations_total",
      help: "Slot migrations between shards that were started, finished or failed",
      labelNames: ["namespace", "name", "event"],
      registers,
    });
    this.#durations = new Histogram({
      name: "kv_operator_reconcile_duration_seconds",
      help: "Duration of reconcile calls",
      labelNames: ["controller"],
      buckets: SECONDS,
      registers,
    });
  }

  reconciled(controller: string, result: string, durationMs: number): void {
    this.#reconciles.inc({ controller, result });
    this.#durations.observe({ controller }, durationMs / 1000);
  }

  count({ namespace, name }: ObjectName, change: Change, by: number): void {
    const event = MIGRATIONS[change];
    if (event === undefined) this.#failovers.inc({ namespace, name }, by);
    else this.#migrations.inc({ namespace, name, event }, by);
  }

  /** Of a cluster that is gone. */
  forget({ namespace, name }: ObjectName): void {
    this.#failovers.remove({ namespace, name });
    for (const event of Object.values(MIGRATIONS)) this.#migrations.remove({ namespace, name, event });
  }

  observe(caches: Caches, controllers: readonly Controller[], isLeader: () => boolean): void {
    this.#gauge("kv_operator_leader", "1 while this operator leads", [], (set) => set({}, isLeader() ? 1 : 0));
    this.#gauge("kv_operator_queue_depth", "Requests that wait for a worker", ["controller"], (set) => {
      for (const controller of controllers) {
        set({ controller: controller.name }, controller.depth);
      }
    });
    for (const { name, help, labels, read } of OBJECT_METRICS) {
      this.#gauge(name, help, [...labels], (set) => {
        const objects = { clusters: caches.KVCluster.list(), backups: caches.KVBackup.list() };
        for (const [labelsOf, value] of read(objects)) {
          set(labelsOf, value);
        }
      });
    }
  }

  #gauge(
    name: string,
    help: string,
    labelNames: string[],
    read: (set: (labels: Readonly<Record<string, string>>, value: number) => void) => void,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        read((labels, value) => this.set({ ...labels }, value));
      },
    });
  }
}
