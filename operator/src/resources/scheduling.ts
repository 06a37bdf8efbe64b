/**
 * Where the pods of a shard may run: apart from each other by node and by zone as `spread` says, the pods of the whole
 * cluster evenly where possible, and on top of that whatever affinity the user wrote.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { serverSelector, shardSelector } from "./manifest.ts";

type Fields = Readonly<Record<string, unknown>>;

const NODE = { key: "kubernetes.io/hostname", weight: 100 };
const ZONE = { key: "topology.kubernetes.io/zone", weight: 50 };

export function scheduling(cluster: KVCluster, shard: number): Fields {
  const { nodeSelector, tolerations, priorityClassName } = cluster.spec.scheduling;
  return {
    affinity: affinity(cluster, shard),
    topologySpreadConstraints: [...evenSpread(cluster), ...(cluster.spec.scheduling.topologySpreadConstraints ?? [])],
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(tolerations === undefined ? {} : { tolerations }),
    ...(priorityClassName === undefined ? {} : { priorityClassName }),
  };
}

function affinity(cluster: KVCluster, shard: number): Fields {
  const { spread, affinity: given } = cluster.spec.scheduling;
  const user = fieldsOf(given);
  const userAnti = fieldsOf(user.podAntiAffinity);
  const preferred = listOf(userAnti.preferredDuringSchedulingIgnoredDuringExecution);
  const required = listOf(userAnti.requiredDuringSchedulingIgnoredDuringExecution);
  for (const [{ key, weight }, wish] of [[NODE, spread.node] as const, [ZONE, spread.zone] as const]) {
    const term = { topologyKey: key, labelSelector: { matchLabels: shardSelector(cluster, shard) } };
    if (wish === "Preferred") preferred.push({ weight, podAffinityTerm: term });
    if (wish === "Required") required.push(term);
  }
  const podAntiAffinity = {
    ...(preferred.length > 0 ? { preferredDuringSchedulingIgnoredDuringExecution: preferred } : {}),
    ...(required.length > 0 ? { requiredDuringSchedulingIgnoredDuringExecution: required } : {}),
  };
  return { ...user, podAntiAffinity };
}

function evenSpread(cluster: KVCluster): readonly Fields[] {
  if (cluster.spec.scheduling.spread.node === "Disabled") return [];
  return [
    {
      maxSkew: 1,
      topologyKey: NODE.key,
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: serverSelector(cluster) },
    },
  ];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? [...value] : [];
}
