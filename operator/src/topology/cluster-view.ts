/**
 * What one pass has seen: the pods that should exist, what Kubernetes says about each, and what the server in each says
 * about itself and its peers. `surveyCluster` adds what follows from it: who owns which slot and which pod leads a shard.
 *
 * A slot belongs to the claim with the highest config epoch over all tables, own claims first: the rule by which the
 * servers themselves settle it. An owner that no reachable pod answers for is an *absent owner*: its slots are owned,
 * only not served, and nobody may assign them again.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { NodeEntry } from "./cluster-nodes.ts";
import type { ClusterInfo, NodeInfo } from "./node-info.ts";
import type { SlotMigration } from "./slot-migration.ts";
import { rangesWhere, type SlotRange } from "./slot-range.ts";

export interface NodeAddress {
  readonly ip: string;
  readonly port: number;
  readonly busPort: number;
  readonly hostname: string | undefined;
}

export interface NodeObservation {
  readonly id: string;
  readonly info: NodeInfo;
  readonly cluster: ClusterInfo;
  /** The node's own table, itself included. */
  readonly entries: readonly NodeEntry[];
  /** Undefined where the server cannot move slots by itself. */
  readonly migrations: readonly SlotMigration[] | undefined;
}

export interface PodView {
  readonly pod: string;
  readonly shard: number;
  readonly ordinal: number;
  readonly address: NodeAddress | undefined;
  /** Kubernetes' word: `Gone` only where the process surely does not run; a silent Kubernetes node leaves `Unknown`. */
  readonly process: "Running" | "Gone" | "Unknown";
  /** Absent when the server could not be asked in this pass. */
  readonly node: NodeObservation | undefined;
}

export interface ClusterView {
  /** Every pod that should exist, also those that do not, in any order. */
  readonly pods: readonly PodView[];
}

export interface ReachablePod extends PodView {
  readonly address: NodeAddress;
  readonly node: NodeObservation;
  readonly self: NodeEntry;
}

export interface ShardSurvey {
  readonly index: number;
  readonly pods: readonly PodView[];
  readonly reachable: readonly ReachablePod[];
  /** Reachable pods that own slots; one in a healthy shard. */
  readonly owners: readonly ReachablePod[];
}

export interface ClusterSurvey {
  readonly pods: readonly PodView[];
  readonly reachable: readonly ReachablePod[];
  readonly byId: ReadonlyMap<string, ReachablePod>;
  readonly shards: readonly ShardSurvey[];
  /** Node id to the slots it owns, for every owner, reachable or not. */
  readonly slotsOf: ReadonlyMap<string, readonly SlotRange[]>;
  readonly absentOwners: readonly string[];
  readonly unassigned: readonly SlotRange[];
  readonly currentEpoch: number;
}

export function surveyCluster(view: ClusterView): ClusterSurvey {
  const pods = [...view.pods].sort((a, b) => a.shard - b.shard || a.ordinal - b.ordinal);
  const reachable = pods.flatMap((pod) => asReachable(pod));
  const byId = new Map(reachable.map((pod) => [pod.node.id, pod]));
  const owners = settleSlots(reachable);
  const slotsOf = groupByOwner(owners);
  const indexes = [...new Set(pods.map((pod) => pod.shard))];
  return {
    pods,
    reachable,
    byId,
    shards: indexes.map((index) => surveyShard(index, pods, reachable, slotsOf)),
    slotsOf,
    absentOwners: [...slotsOf.keys()].filter((id) => !byId.has(id)).sort(),
    unassigned: rangesWhere((slot) => owners[slot] === undefined),
    currentEpoch: highestEpoch(reachable),
  };
}

/** The entry by which `pod` knows the node `id`; a handshake goes by a made-up id and so never counts. */
export function entryFor(pod: ReachablePod, id: string): NodeEntry | undefined {
  return pod.node.entries.find((entry) => entry.id === id);
}

export function isSuspected(entry: NodeEntry): boolean {
  return entry.flags.has("fail") || entry.flags.has("fail?") || entry.flags.has("noaddr");
}

/** More than half of the pods do not answer: what is seen is too little to act on. */
export function isMajorityUnreachable(survey: ClusterSurvey): boolean {
  return (survey.pods.length - survey.reachable.length) * 2 > survey.pods.length;
}

function asReachable(pod: PodView): readonly ReachablePod[] {
  const { node, address } = pod;
  const self = node?.entries.find((entry) => entry.flags.has("myself"));
  if (node === undefined || address === undefined || self === undefined) return [];
  return [{ ...pod, node, address, self }];
}

function settleSlots(reachable: readonly ReachablePod[]): readonly (string | undefined)[] {
  const owners = new Array<string | undefined>(SLOT_COUNT).fill(undefined);
  const epochs = new Float64Array(SLOT_COUNT).fill(-1);
  const claim = (entry: NodeEntry): void => {
    for (const { start, end } of entry.slots) {
      for (let slot = start; slot <= end; slot++) {
        if (entry.configEpoch <= (epochs[slot] as number)) continue;
        owners[slot] = entry.id;
        epochs[slot] = entry.configEpoch;
      }
    }
  };
  for (const pod of reachable) claim(pod.self);
  for (const pod of reachable) pod.node.entries.forEach(claim);
  return owners;
}

function groupByOwner(owners: readonly (string | undefined)[]): ReadonlyMap<string, readonly SlotRange[]> {
  const slotsOf = new Map<string, SlotRange[]>();
  let start = 0;
  for (let slot = 1; slot <= SLOT_COUNT; slot++) {
    const id = owners[start];
    if (slot < SLOT_COUNT && owners[slot] === id) continue;
    if (id !== undefined) slotsOf.set(id, [...(slotsOf.get(id) ?? []), { start, end: slot - 1 }]);
    start = slot;
  }
  return slotsOf;
}

function surveyShard(
  index: number,
  pods: readonly PodView[],
  reachable: readonly ReachablePod[],
  slotsOf: ReadonlyMap<string, readonly SlotRange[]>,
): ShardSurvey {
  const own = reachable.filter((pod) => pod.shard === index);
  return {
    index,
    pods: pods.filter((pod) => pod.shard === index),
    reachable: own,
    owners: own.filter((pod) => slotsOf.has(pod.node.id)),
  };
}

function highestEpoch(reachable: readonly ReachablePod[]): number {
  let highest = 0;
  for (const { node } of reachable) {
    highest = Math.max(highest, node.cluster.currentEpoch, ...node.entries.map((entry) => entry.configEpoch));
  }
  return highest;
}
