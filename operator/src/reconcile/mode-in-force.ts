/**
 * The mode in which the servers run, where spec.mode asks for another. Between Standalone and Replication servers change one by
 * one; a cluster is something else, so a group stays what it is until all of its servers can start as nodes (change-mode.ts).
 * The StatefulSet is the memory: as long as its template makes members of a group, the whole operator works with a spec that says so,
 * and so it does, with a cluster of one shard, until the last pod of the group is gone. What the spec wants beyond that comes then.
 */

import type { KVCluster, KVClusterSpec } from "../api/kv-cluster.ts";
import { SHARD_LABEL } from "../api/labels.ts";
import type { Manifest } from "../resources/manifest.ts";
import { RESTART_INPUTS_ANNOTATION } from "../resources/pod-template.ts";
import { modeOfPod } from "../resources/restart-inputs.ts";
import type { Pod } from "./pod.ts";
import { inputsOf } from "./pod-currency.ts";
import { replicasOf, shardOf } from "./shard-sets.ts";

export interface ModeTask {
  /** Pods that were made for the group. */
  readonly oldPods: readonly string[];
  /** New pods are nodes of a cluster, and the others only have to go. */
  readonly isDecided: boolean;
  /** The spec from that decision on. */
  readonly asCluster: KVCluster;
}

export interface ModeInForce {
  /** With the spec that holds now. */
  readonly cluster: KVCluster;
  /** What is left to do before spec.mode holds. */
  readonly task: ModeTask | undefined;
}

type GroupMode = Exclude<KVClusterSpec["mode"], "Cluster">;

export function modeInForce(wanted: KVCluster, sets: readonly Manifest[], pods: readonly Pod[]): ModeInForce {
  if (wanted.spec.mode !== "Cluster") return { cluster: wanted, task: undefined };
  const set = sets.find((one) => shardOf(one) === 0);
  const ofShard = pods.filter(({ metadata }) => Number(metadata.labels?.[SHARD_LABEL]) === 0);
  const old = ofShard.filter((pod) => groupModeOf(inputsOf(pod)) !== undefined);
  const [anyOld] = old;
  // Sets are made anew at times, around their pods.
  const isDecided = set === undefined ? old.length < ofShard.length : makesNodes(set);
  const mode = isDecided ? undefined : groupModeOf(set === undefined ? anyOld && inputsOf(anyOld) : inputsOfSet(set));
  if (mode === undefined && old.length === 0) return { cluster: wanted, task: undefined };
  const replicas = replicasIn(wanted, set, ofShard);
  const asCluster = withSpec(wanted, { mode: "Cluster", shards: 1, replicasPerShard: replicas });
  const task = { oldPods: old.map(({ metadata }) => metadata.name), isDecided, asCluster };
  if (mode === undefined) return { cluster: asCluster, task };
  const { external: _onlyInClusters, ...networking } = wanted.spec.networking;
  const replicasPerShard = mode === "Standalone" ? 0 : Math.max(1, replicas);
  return { cluster: withSpec(wanted, { mode, shards: 1, replicasPerShard, networking }), task };
}

function withSpec(cluster: KVCluster, spec: Partial<KVClusterSpec>): KVCluster {
  return { ...cluster, spec: { ...cluster.spec, ...spec } };
}

/** Undefined of what is made for a cluster, or is so old that there was nothing else. */
function groupModeOf(inputs: string | undefined): GroupMode | undefined {
  const [mode, ...others] = modeOfPod(inputs);
  return others.length > 0 || mode === "Cluster" ? undefined : mode;
}

/** Whether new pods of it are nodes of a cluster. */
export function makesNodes(set: Manifest): boolean {
  return groupModeOf(inputsOfSet(set)) === undefined;
}

interface Template {
  readonly template?: { readonly metadata?: Pod["metadata"] };
}

function inputsOfSet({ spec }: Manifest): string | undefined {
  return (spec as Template | undefined)?.template?.metadata?.annotations?.[RESTART_INPUTS_ANNOTATION];
}

/** What the group has, not what the spec wants: those that are beyond it may lead. A set that sleeps has forgotten it. */
function replicasIn({ spec, status }: KVCluster, set: Manifest | undefined, pods: readonly Pod[]): number {
  const asMade = set === undefined ? 0 : (replicasOf(set) ?? 0);
  if (asMade > 0) return asMade - 1;
  const { primary, replicas = [], copies = [] } = status?.shardStatus?.[0] ?? {};
  const names = [primary, ...replicas, ...copies.map(({ pod }) => pod), ...pods.map(({ metadata }) => metadata.name)];
  const ordinals = names.map((name) => Number(name?.slice(name.lastIndexOf("-") + 1)));
  const known = ordinals.filter(Number.isInteger);
  return known.length === 0 ? spec.replicasPerShard : Math.max(...known);
}
