import { describe, expect, it } from "vitest";
import type { KVBackup, KVBackupStatus } from "./api/kv-backup.ts";
import { OBJECT_METRICS, type Objects } from "./cluster-metrics.ts";
import { exampleCluster } from "./resources/example-cluster.ts";

const NOTHING: Objects = { clusters: [], backups: [] };

function read(name: string, objects: Partial<Objects>) {
  const row = OBJECT_METRICS.find((each) => each.name === name);
  return row?.read({ ...NOTHING, ...objects });
}

function backup(name: string, createdAt: string, status: KVBackupStatus, cluster = "shop"): KVBackup {
  return {
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVBackup",
    metadata: { name, namespace: "apps", creationTimestamp: createdAt },
    spec: {
      clusterRef: { name: cluster },
      destination: { persistentVolumeClaim: { claimName: "backups" } },
      target: "PreferReplica",
      verify: true,
      timeoutSeconds: 3600,
    },
    status,
  };
}

describe("metrics of clusters and backups", () => {
  it("carry exactly the labels they declare", () => {
    const times = { completedAt: "2026-01-01T00:01:00Z" };
    const condition = {
      type: "Ready",
      status: "True",
      reason: "Serving",
      message: "",
      lastTransitionTime: "",
    } as const;
    const cluster = { ...exampleCluster(), status: { conditions: [condition] } };
    const backups = [backup("a", "2026-01-01T00:00:00Z", { phase: "Completed", ...times })];
    for (const { labels, read: samples } of OBJECT_METRICS) {
      const all = samples({ clusters: [cluster], backups });
      expect(all.length).toBeGreaterThan(0);
      for (const [given] of all) expect(Object.keys(given)).toEqual(labels);
    }
  });

  it("tell which conditions hold", () => {
    const of = (type: string, status: "True" | "False" | "Unknown") => {
      return { type, status, reason: "R", message: "", lastTransitionTime: "" };
    };
    const conditions = [of("Ready", "True"), of("Degraded", "False"), of("Balanced", "Unknown")];
    const samples = read("kv_operator_cluster_condition", {
      clusters: [{ ...exampleCluster(), status: { conditions } }],
    });
    expect(samples?.map(([{ type }, value]) => [type, value])).toEqual([
      ["Ready", 1],
      ["Degraded", 0],
      ["Balanced", 0],
    ]);
  });

  it("give the time of the latest success, and whether the latest run failed, for each cluster", () => {
    const backups = [
      backup("a", "2026-01-01T00:00:00Z", { phase: "Completed", completedAt: "2026-01-01T00:01:00Z" }),
      backup("b", "2026-01-02T00:00:00Z", { phase: "Failed" }),
      backup("c", "2026-01-03T00:00:00Z", { phase: "Running" }),
      backup("d", "2026-01-01T00:00:00Z", { phase: "Failed" }, "other"),
      backup("e", "2026-01-02T00:00:00Z", { phase: "Completed", completedAt: "2026-01-02T00:01:00Z" }, "other"),
    ];
    const shop = { namespace: "apps", cluster: "shop" };
    const other = { namespace: "apps", cluster: "other" };
    expect(read("kv_operator_backup_last_success_timestamp_seconds", { backups })).toEqual([
      [shop, Date.UTC(2026, 0, 1, 0, 1) / 1000],
      [other, Date.UTC(2026, 0, 2, 0, 1) / 1000],
    ]);
    expect(read("kv_operator_backup_last_failed", { backups })).toEqual([
      [shop, 1],
      [other, 0],
    ]);
  });
});
