/** For tests: a simulated cluster of three shards with a replica or two each, on which faults are let loose. */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { addSlots, meet, replicate, setConfigEpoch } from "./admin.ts";
import { SimulatedCluster, type SimulatedNode, type SimulatedServers } from "./simulated-cluster.ts";
import { areDutiesDone, dutiesOf, hold, type Invariants, isHealed } from "./simulated-invariants.ts";

const SHARDS = 3;
const MOST_REPLICAS = 2;
const FORM_MS = 20_000;
/** Detection, and three elections: two that come to nothing because votes were split. */
const OWNED_WITHIN_MS = 30_000;

/** `createServers`: what its nodes do beside their part in the cluster. */
export function formCluster(
  seed: number,
  createServers?: (cluster: SimulatedCluster) => SimulatedServers,
): SimulatedCluster {
  const cluster = new SimulatedCluster(seed, { replicaValidityFactor: 0 });
  if (createServers !== undefined) cluster.plugIn(createServers(cluster));
  const replicas = 1 + cluster.random.below(MOST_REPLICAS);
  for (let i = 0; i < SHARDS * (1 + replicas); i++) cluster.addNode();
  const [first] = cluster.nodes as [SimulatedNode];
  for (const node of cluster.nodes) {
    cluster.command(node, (state) => {
      if (node.index < SHARDS) addSlots(state, shardSlots(node.index));
      setConfigEpoch(state, node.index + 1);
      if (node !== first) meet(state, first.ip, 6379, 16379);
    });
    node.hasKeys = node.index < SHARDS;
  }
  const areAllKnown = () => cluster.nodes.every(({ state }) => state.isOk && state.nodes.size === cluster.nodes.length);
  hold(cluster.runUntil(FORM_MS, areAllKnown) !== undefined, "a new cluster comes up");
  for (const node of cluster.nodes.slice(SHARDS)) {
    const primary = cluster.nodes[shardOf(node)] as SimulatedNode;
    cluster.command(node, (state) => replicate(state, primary.state.myself.id));
  }
  const hasFormed = () => isHealed(cluster) && cluster.nodes.every(({ hasKeys }) => hasKeys);
  hold(cluster.runUntil(FORM_MS, hasFormed) !== undefined, "a cluster without faults agrees");
  return cluster;
}

export function shardOf({ index }: SimulatedNode): number {
  return index % SHARDS;
}

function firstSlot(shard: number): number {
  return Math.ceil((shard * SLOT_COUNT) / SHARDS);
}

function shardSlots(shard: number): number[] {
  const start = firstSlot(shard);
  return Array.from({ length: firstSlot(shard + 1) - start }, (_, i) => start + i);
}

/** Partitions and crashes stay; who lives in a majority must take over what it can. */
export function standStill(cluster: SimulatedCluster, invariants: Invariants): void {
  for (const node of cluster.nodes) {
    node.lagMs = 0;
    node.unheardBy.clear();
  }
  const slots = Array.from({ length: SHARDS }, (_, shard) => firstSlot(shard));
  const duties = dutiesOf(cluster, shardOf, slots);
  const isDone = () => {
    invariants.check();
    return areDutiesDone(duties, SHARDS);
  };
  const missing = () => duties.filter((duty) => !areDutiesDone([duty], SHARDS)).map(({ shard }) => shard);
  const tookMs = cluster.runUntil(OWNED_WITHIN_MS, isDone);
  hold(tookMs !== undefined, `nobody owns shard ${missing()} though a majority lives`);
}
