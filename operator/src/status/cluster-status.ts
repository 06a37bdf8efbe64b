/** The whole status of a KVCluster from what a pass has found out. What was not observed keeps its last known value. */

import type { UntimedCondition } from "../api/condition.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVClusterStatus, ShardStatus } from "../api/kv-cluster-status.ts";
import { CLIENT_PORT, serverSelector } from "../resources/manifest.ts";
import {
  connectionSecretName,
  discoveryServiceName,
  readServiceName,
  serviceHost,
  writeServiceName,
} from "../resources/names.ts";
import type { ShardSurvey } from "../topology/cluster-view.ts";
import type { Plan } from "../topology/plan.ts";
import { formatRanges } from "../topology/slot-range.ts";
import {
  areAllSlotsServed,
  type ClusterFacts,
  followersOf,
  isPodReady,
  servedSlots,
  wasFormed,
} from "./cluster-facts.ts";
import { conditions } from "./conditions.ts";
import { externalEndpoints } from "./external-access.ts";
import { recordedStatus } from "./group-record.ts";
import { hasNoPods, restOf } from "./hibernation-state.ts";
import { isChanging } from "./mode-change.ts";
import { isHeldBack } from "./restore-state.ts";

export type UntimedStatus = Omit<KVClusterStatus, "conditions"> & { readonly conditions: readonly UntimedCondition[] };

export function clusterStatus(facts: ClusterFacts): UntimedStatus {
  const { cluster, pods, plan } = facts;
  const readyInstances = pods.filter(({ isReady }) => isReady).length;
  const all = conditions(facts);
  return {
    observedGeneration: cluster.metadata.generation ?? 0,
    phase: phaseOf(facts, all),
    message: all.find(({ type }) => type === "Ready")?.message ?? "",
    conditions: all,
    shards: shardsOf(facts),
    instances: pods.length,
    readyInstances,
    ready: `${readyInstances}/${pods.length}`,
    selector: Object.entries(serverSelector(cluster))
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    endpoints: endpointsOf(facts),
    secretName: connectionSecretName(cluster.metadata.name),
    ...restoreOf(facts),
    ...(plan === undefined ? lastKnown(cluster) : observed(facts, plan)),
    ...(hasNoPods(facts.hibernation) ? { readyShards: 0, slotsAssigned: 0 } : {}),
  };
}

function phaseOf(facts: ClusterFacts, all: readonly UntimedCondition[]): NonNullable<KVClusterStatus["phase"]> {
  const isTrue = (type: string): boolean => all.some((one) => one.type === type && one.status === "True");
  if (facts.cluster.spec.paused) return "Paused";
  const { hibernation } = facts;
  if (hibernation?.kind === "hibernated") return "Hibernated";
  if (restOf(hibernation) !== undefined) return "Hibernating";
  if (isTrue("Ready")) return "Ready";
  if (hibernation?.kind === "waking") return "Waking";
  if (isChanging(facts.modeChange)) return "Updating";
  if (isTrue("Degraded")) return "Degraded";
  if (wasFormed(facts) && !areAllSlotsServed(facts)) return "Degraded";
  if (wasFormed(facts)) return isHeldBack(facts.restore) ? "Restoring" : "Updating";
  const { plan } = facts;
  const isEveryoneThere = plan !== undefined && plan.survey.reachable.length === plan.survey.pods.length;
  return isEveryoneThere ? "Forming" : "Creating";
}

function restoreOf({ cluster, restore }: ClusterFacts): Pick<KVClusterStatus, "restore"> {
  const known = restore?.status ?? cluster.status?.restore;
  return known === undefined ? {} : { restore: known };
}

/** Those that own slots: it becomes what the spec asks for when the slots have moved. */
function shardsOf({ plan, cluster }: ClusterFacts): number {
  const owning = plan?.survey.shards.filter(({ owners }) => owners.length > 0).length ?? 0;
  return owning > 0 ? owning : (cluster.status?.shards ?? 0);
}

function endpointsOf(facts: ClusterFacts): NonNullable<KVClusterStatus["endpoints"]> {
  const { cluster, clusterDomain } = facts;
  const external = externalEndpoints(facts);
  const { name } = cluster.metadata;
  const at = (service: string): string => `${serviceHost(cluster, service, clusterDomain)}:${CLIENT_PORT}`;
  const only = at(discoveryServiceName(name));
  if (cluster.spec.mode === "Standalone") return { write: only, read: only, discovery: only };
  return {
    write: at(writeServiceName(name)),
    read: at(readServiceName(name)),
    discovery: only,
    ...(external === undefined ? {} : { external }),
  };
}

type ObservedPart = Pick<KVClusterStatus, "readyShards" | "replicasPerShard" | "slotsAssigned" | "shardStatus">;

function observed(facts: ClusterFacts, { survey, group }: Plan): ObservedPart {
  const isShardReady = (shard: ShardSurvey): boolean => isPodReady(facts, shard.owners[0]?.pod);
  const wanted = survey.shards.filter(({ index }) => index < facts.cluster.spec.shards);
  return {
    readyShards: wanted.filter(isShardReady).length,
    replicasPerShard: Math.min(...wanted.map((shard) => followersOf(shard).length)),
    slotsAssigned: servedSlots(facts),
    shardStatus: survey.shards.map((shard) => {
      const slots = survey.slotsOf.get(shard.owners[0]?.node.id ?? "");
      return { ...shardStatus(shard, slots), ...(group === undefined ? {} : recordedStatus(group.record)) };
    }),
  };
}

function shardStatus(shard: ShardSurvey, slots: Parameters<typeof formatRanges>[0] | undefined): ShardStatus {
  const [owner] = shard.owners;
  const replicas = followersOf(shard).map(({ pod }) => pod);
  if (owner === undefined) return { index: shard.index, replicas };
  return { index: shard.index, primary: owner.pod, replicas, slots: formatRanges(slots ?? []), nodeId: owner.node.id };
}

function lastKnown({ status }: KVCluster): ObservedPart {
  const { readyShards = 0, replicasPerShard = 0, slotsAssigned = 0, shardStatus: shards = [] } = status ?? {};
  return { readyShards, replicasPerShard, slotsAssigned, shardStatus: shards };
}
