// The operator's own metrics for Prometheus. What describes clusters and backups is read from the caches at each scrape,
// so a series goes when its object goes.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Caches } from "./kube/mirror.ts";
import type { Controller, ReconcileMeter } from "./runtime/controller.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class OperatorMetrics implements ReconcileMeter {
  readonly registry = new Registry();
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

  observe(caches: Caches, controllers: readonly Controller[], isLeader: () => boolean): void {
    this.#gauge("kv_operator_leader", "1 while this operator leads", [], (set) => set({}, isLeader() ? 1 : 0));
    this.#gauge("kv_operator_queue_depth", "Requests that wait for a worker", ["controller"], (set) => {
      for (const controller of controllers) {
        set({ controller: controller.name }, controller.depth);
      }
    });
    this.#gauge(
      "kv_operator_cluster_phase",
      "1 for the phase a cluster is in",
      ["namespace", "name", "phase"],
      (set) => {
        for (const { metadata, status } of caches.KVCluster.list()) {
          set({ namespace: metadata.namespace ?? "", name: metadata.name, phase: status?.phase ?? "Unknown" }, 1);
        }
      },
    );
    this.#gauge("kv_operator_cluster_instances", "Servers of a cluster", ["namespace", "name", "state"], (set) => {
      for (const { metadata, status } of caches.KVCluster.list()) {
        const labels = { namespace: metadata.namespace ?? "", name: metadata.name };
        set({ ...labels, state: "all" }, status?.instances ?? 0);
        set({ ...labels, state: "ready" }, status?.readyInstances ?? 0);
      }
    });
    this.#gauge("kv_operator_backups", "Backups by cluster and phase", ["namespace", "cluster", "phase"], (set) => {
      const counts = new Map<string, { labels: Record<string, string>; count: number }>();
      for (const { metadata, spec, status } of caches.KVBackup.list()) {
        const labels = {
          namespace: metadata.namespace ?? "",
          cluster: spec.clusterRef.name,
          phase: status?.phase ?? "Pending",
        };
        const key = Object.values(labels).join("/");
        counts.set(key, { labels, count: (counts.get(key)?.count ?? 0) + 1 });
      }
      for (const { labels, count } of counts.values()) {
        set(labels, count);
      }
    });
  }

  #gauge(
    name: string,
    help: string,
    labelNames: string[],
    read: (set: (labels: Record<string, string>, value: number) => void) => void,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        read((labels, value) => this.set(labels, value));
      },
    });
  }
}
