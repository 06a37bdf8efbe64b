/**
 * How a cluster is, in one structure: what `status` shows and what `-o json` prints. A pure function of what was read. Where
 * a server answers, its word on its role counts; where it does not, the role label that the operator keeps.
 */

import type { Condition } from "../api/condition.ts";
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import { ROLE_LABEL, SHARD_LABEL } from "../api/labels.ts";
import { isPodReady } from "../pod-readiness.ts";
import type { ServerState } from "./server-state.ts";
import { slotCount } from "./slot-text.ts";
import { type Operation, operationsOf } from "./under-way.ts";
import type { ServerPod, World } from "./world.ts";

export interface ServerReport {
  readonly pod: string;
  readonly role: "primary" | "replica" | "none" | "unknown";
  readonly node: string | undefined;
  readonly isReady: boolean;
  readonly restarts: number;
  /** What holds it up, if something does. */
  readonly trouble: string | undefined;
  /** Of a replica: whether it has its primary. */
  readonly link: "up" | "down" | "syncing" | undefined;
  readonly offset: number | undefined;
  readonly lagBytes: number | undefined;
  readonly lagSeconds: number | undefined;
  readonly keys: number | undefined;
  readonly usedBytes: number | undefined;
  readonly limitBytes: number | undefined;
}

export interface ShardReport {
  readonly index: number;
  readonly slots: string;
  readonly slotCount: number;
  /** The spec no longer asks for it: it goes once it is empty. */
  readonly isLeaving: boolean;
  readonly servers: readonly ServerReport[];
}

export interface BackupReport {
  readonly name: string;
  readonly phase: string;
  readonly message: string | undefined;
  readonly keys: number | undefined;
  readonly size: string | undefined;
  readonly createdAt: string | undefined;
  readonly completedAt: string | undefined;
}

export interface ScheduleReport {
  readonly name: string;
  readonly schedule: string;
  readonly timeZone: string;
  readonly isSuspended: boolean;
  readonly lastBackup: string | undefined;
  readonly lastSuccessfulTime: string | undefined;
  readonly nextTime: string | undefined;
}

export interface ClusterReport {
  readonly name: string;
  readonly namespace: string;
  readonly mode: KVCluster["spec"]["mode"];
  readonly phase: string;
  readonly message: string;
  readonly createdAt: string | undefined;
  readonly wantedShards: number;
  readonly wantedReplicasPerShard: number;
  readonly servers: number;
  readonly readyServers: number;
  readonly slotsServed: number;
  readonly endpoints: KVClusterEndpoints;
  readonly secretName: string | undefined;
  readonly shards: readonly ShardReport[];
  readonly conditions: readonly Condition[];
  readonly underWay: readonly Operation[];
  /** The latest first. */
  readonly backups: readonly BackupReport[];
  readonly schedules: readonly ScheduleReport[];
  /** What a reader should know of this report itself. */
  readonly notes: readonly string[];
}

type KVClusterEndpoints = NonNullable<NonNullable<KVCluster["status"]>["endpoints"]>;

export function clusterReport(world: World): ClusterReport {
  const { cluster, pods } = world;
  const { metadata, spec, status = {} } = cluster;
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    mode: spec.mode,
    phase: phaseOf(cluster),
    message: status.message ?? "",
    createdAt: metadata.creationTimestamp,
    wantedShards: spec.shards,
    wantedReplicasPerShard: spec.replicasPerShard,
    servers: pods.length,
    readyServers: pods.filter(isPodReady).length,
    slotsServed: status.slotsAssigned ?? 0,
    endpoints: status.endpoints ?? {},
    secretName: status.secretName,
    shards: shardsOf(world),
    conditions: status.conditions ?? [],
    underWay: operationsOf(world),
    backups: latestFirst(world.backups).map(backupReport),
    schedules: world.schedules.map(scheduleReport),
    notes: notesOf(world),
  };
}

/** By its address, or by the host name that it announces. */
function isAddressOf(address: string, { metadata, status }: ServerPod): boolean {
  return address === status?.podIP || address.startsWith(`${metadata.name}.`);
}

export function phaseOf({ metadata, status }: KVCluster): string {
  if (metadata.deletionTimestamp !== undefined) return "Deleting";
  return status?.phase ?? "Unknown";
}

export function latestFirst(backups: readonly KVBackup[]): readonly KVBackup[] {
  const timeOf = ({ metadata }: KVBackup): string => metadata.creationTimestamp ?? "";
  return [...backups].sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : timeOf(a) > timeOf(b) ? -1 : 0));
}

function shardsOf(world: World): readonly ShardReport[] {
  const { cluster, pods } = world;
  const known = cluster.status?.shardStatus ?? [];
  const indexes = new Set([...known.map(({ index }) => index), ...pods.map(shardOf)]);
  return [...indexes]
    .sort((a, b) => a - b)
    .map((index) => {
      const slots = known.find((shard) => shard.index === index)?.slots ?? "";
      const members = pods.filter((pod) => shardOf(pod) === index);
      const primary = members.map((pod) => stateOf(world, pod)).find((state) => (state?.ownSlots ?? 0) > 0);
      const servers = members.map((pod) => serverReport(world, pod, primary));
      return {
        index,
        slots,
        slotCount: slotCount(slots),
        isLeaving: index >= cluster.spec.shards,
        servers: servers.sort((a, b) => rank(a) - rank(b) || (a.pod < b.pod ? -1 : 1)),
      };
    });
}

function rank({ role }: ServerReport): number {
  return role === "primary" ? 0 : 1;
}

/** -1 for a pod that does not say, so that it is shown nevertheless. */
export function shardOf({ metadata }: ServerPod): number {
  return Number(metadata.labels?.[SHARD_LABEL] ?? -1);
}

export function stateOf({ servers }: World, { metadata }: ServerPod): ServerState | undefined {
  const answer = servers.get(metadata.name);
  return answer?.kind === "state" ? answer.state : undefined;
}

function serverReport(world: World, pod: ServerPod, primary: ServerState | undefined): ServerReport {
  const state = stateOf(world, pod);
  const role = roleOf(pod, state);
  const follower = role === "replica" ? primary?.followers.find(({ address }) => isAddressOf(address, pod)) : undefined;
  const apart = (primary?.offset ?? Number.NaN) - (state?.offset ?? Number.NaN);
  const lagBytes = follower?.lagBytes ?? (role === "replica" && apart >= 0 ? apart : undefined);
  return {
    pod: pod.metadata.name,
    role,
    node: pod.spec?.nodeName,
    isReady: isPodReady(pod),
    restarts: pod.status?.containerStatuses?.[0]?.restartCount ?? 0,
    trouble: troubleOf(pod, state),
    link: linkOf(role, state),
    offset: state?.offset,
    lagBytes,
    lagSeconds: follower?.lagSeconds,
    keys: state?.keys,
    usedBytes: state?.usedBytes,
    limitBytes: state?.limitBytes,
  };
}

export function roleOf({ metadata }: ServerPod, state: ServerState | undefined): ServerReport["role"] {
  // Who is nobody's replica and owns no slot waits for its place in the cluster.
  if (state?.role === "primary") return state.ownSlots === 0 ? "none" : "primary";
  if (state?.role === "replica") return "replica";
  const label = metadata.labels?.[ROLE_LABEL];
  return label === "primary" || label === "replica" ? label : "unknown";
}

function linkOf(role: ServerReport["role"], state: ServerState | undefined): ServerReport["link"] {
  if (role !== "replica" || state?.isLinkUp === undefined) return undefined;
  if (state.isLinkUp) return "up";
  return state.isSyncing ? "syncing" : "down";
}

function troubleOf(pod: ServerPod, state: ServerState | undefined): string | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return "stopping";
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;
  if (waiting !== undefined) return waiting;
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (unscheduled !== undefined) return unscheduled.message ?? "not scheduled";
  return state?.isLoading ? "loading" : undefined;
}

function backupReport({ metadata, status = {} }: KVBackup): BackupReport {
  return {
    name: metadata.name,
    phase: status.phase ?? "Pending",
    message: status.message,
    keys: status.keys,
    size: status.size,
    createdAt: metadata.creationTimestamp,
    completedAt: status.completedAt,
  };
}

function scheduleReport({ metadata, spec, status = {} }: KVScheduledBackup): ScheduleReport {
  return {
    name: metadata.name,
    schedule: spec.schedule,
    timeZone: spec.timeZone,
    isSuspended: spec.suspend,
    lastBackup: status.lastBackupName,
    lastSuccessfulTime: status.lastSuccessfulTime,
    nextTime: spec.suspend ? undefined : status.nextScheduleTime,
  };
}

function notesOf({ cluster, pods, servers, refusals }: World): readonly string[] {
  const { generation = 0 } = cluster.metadata;
  const seen = cluster.status?.observedGeneration ?? 0;
  const behind =
    seen < generation
      ? [`The operator has not looked at generation ${generation} yet, only at ${seen}: does it run?`]
      : [];
  const silent = new Map<string, readonly string[]>();
  for (const { metadata } of pods) {
    const answer = servers.get(metadata.name);
    if (answer?.kind !== "silent") continue;
    silent.set(answer.reason, [...(silent.get(answer.reason) ?? []), metadata.name]);
  }
  const unheard = [...silent].map(([reason, names]) => `No word from ${names.join(", ")}: ${reason}`);
  return [...behind, ...unheard, ...refusals.map((what) => `You may not list ${what} here: they are not shown`)];
}
