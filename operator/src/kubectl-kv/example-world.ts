/** A cluster of three shards as the plugin would read it, for tests: settled, with a backup and a schedule. */

import type { Condition } from "../api/condition.ts";
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVClusterStatus } from "../api/kv-cluster-status.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import { CLUSTER_LABEL, COMPONENT_LABEL, ROLE_LABEL, SHARD_LABEL } from "../api/labels.ts";
import { exampleCluster } from "../resources/example-cluster.ts";
import { parseServerState } from "./server-state.ts";
import type { ServerPod, World } from "./world.ts";

export const NOW = "2026-11-28T23:00:00Z";
export const NOW_MS = Date.parse(NOW);
const CREATED = "2026-11-25T22:00:00Z";
const SLOTS = ["0-5460", "5461-10922", "10923-16383"];

export function exampleWorld(changes: Partial<World> = {}): World {
  const pods = [0, 1, 2].flatMap((shard) => [examplePod(shard, 0), examplePod(shard, 1)]);
  const servers = [0, 1, 2].flatMap((shard) => [
    [`shop-${shard}-0`, primaryAnswer(shard)] as const,
    [`shop-${shard}-1`, replicaAnswer()] as const,
  ]);
  return {
    cluster: clusterWith(),
    pods,
    servers: new Map(servers),
    backups: [exampleBackup()],
    schedules: [exampleSchedule()],
    refusals: [],
    ...changes,
  };
}

export function clusterWith(
  status: Partial<KVClusterStatus> = {},
  spec: Readonly<Record<string, unknown>> = {},
): KVCluster {
  const cluster = exampleCluster({ shards: 3, replicasPerShard: 1, ...spec });
  return {
    ...cluster,
    metadata: { ...cluster.metadata, creationTimestamp: CREATED },
    status: {
      observedGeneration: 1,
      phase: "Ready",
      message: "3 shards with 1 replicas each serve all slots",
      conditions: [
        condition("Ready", "True", "Serving", "3 shards with 1 replicas each serve all slots"),
        condition("Balanced", "True", "Balanced", "The slots are spread evenly over 3 shards"),
        condition("UpToDate", "True", "Current", "All servers run with the current spec"),
      ],
      ready: "6/6",
      slotsAssigned: 16384,
      shardStatus: SLOTS.map((slots, index) => ({ index, slots, primary: `shop-${index}-0` })),
      endpoints: {
        discovery: "shop.apps.svc:6379",
        write: "shop-write.apps.svc:6379",
        read: "shop-read.apps.svc:6379",
      },
      secretName: "shop-connection",
      ...status,
    },
  };
}

export function condition(type: string, status: Condition["status"], reason: string, message: string): Condition {
  return { type, status, reason, message, lastTransitionTime: "2026-11-28T22:50:00Z", observedGeneration: 1 };
}

export function examplePod(shard: number, ordinal: number, isReady = true): ServerPod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `shop-${shard}-${ordinal}`,
      namespace: "apps",
      uid: `uid-shop-${shard}-${ordinal}`,
      labels: {
        [CLUSTER_LABEL]: "shop",
        [COMPONENT_LABEL]: "server",
        [SHARD_LABEL]: String(shard),
        [ROLE_LABEL]: ordinal === 0 ? "primary" : "replica",
      },
    },
    spec: { nodeName: `node-${ordinal + 1}` },
    status: {
      phase: "Running",
      podIP: `10.0.${shard}.${ordinal}`,
      conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
      containerStatuses: [{ restartCount: 0 }],
    },
  };
}

/** What the admin port of a primary says, whose replica is 512 bytes behind. */
export function primaryAnswer(shard: number) {
  const replicas = [
    { address: `10.0.${shard}.1`, port: 6379, state: "online", offset: 4488, lagSeconds: 1, lagBytes: 512 },
  ];
  const status = {
    role: "primary",
    replication: { offset: 5000, primary: null, replicas },
    cluster: { ownSlots: 5461 },
    persistence: { loading: null },
    memory: { usedBytes: 3 << 20, limitBytes: 96 << 20 },
    keys: 12345,
  };
  return { kind: "state", state: parseServerState(status) } as const;
}

export function replicaAnswer(changes: Readonly<Record<string, unknown>> = {}) {
  const status = {
    role: "replica",
    replication: {
      offset: 4488,
      primary: { host: "10.0.0.0", isUp: true, isSyncing: false },
      replicas: [],
      ...changes,
    },
    cluster: { ownSlots: 0 },
    persistence: { loading: null },
    memory: { usedBytes: 3 << 20, limitBytes: 96 << 20 },
    keys: 12345,
  };
  return { kind: "state", state: parseServerState(status) } as const;
}

export function exampleBackup(name = "shop-today", status: KVBackup["status"] = COMPLETED): KVBackup {
  return {
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVBackup",
    metadata: { name, namespace: "apps", creationTimestamp: "2026-11-28T20:00:00Z" },
    spec: {
      clusterRef: { name: "shop" },
      destination: { persistentVolumeClaim: { claimName: "backups" } },
      target: "PreferReplica",
      verify: true,
      timeoutSeconds: 3600,
    },
    ...(status === undefined ? {} : { status }),
  };
}

const COMPLETED: KVBackup["status"] = {
  phase: "Completed",
  keys: 37035,
  size: "1.2 MiB",
  verified: true,
  completedAt: "2026-11-28T20:01:00Z",
};

export function exampleSchedule(): KVScheduledBackup {
  return {
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVScheduledBackup",
    metadata: { name: "nightly", namespace: "apps" },
    spec: {
      clusterRef: { name: "shop" },
      schedule: "30 2 * * *",
      timeZone: "UTC",
      suspend: false,
      immediate: false,
      startingDeadlineSeconds: 300,
      retention: { keepLast: 7 },
      template: {
        target: "PreferReplica",
        destination: { persistentVolumeClaim: { size: "1Gi" } },
        verify: true,
        timeoutSeconds: 3600,
      },
    },
    status: {
      nextScheduleTime: "2026-11-29T02:30:00Z",
      lastSuccessfulTime: "2026-11-28T02:31:00Z",
      lastBackupName: "nightly-2026-11-28-0230",
    },
  };
}
