/**
 * For tests: for a minute, random crashes, restarts on new addresses, lost data, partitions, nodes that are slow, stand still
 * or are heard by some only, breaking links, and failovers that somebody asks for; in between moments in which the faults there are stay as they are; then
 * peace. The invariants of simulated-invariants.ts hold all the time, afterwards all agree again, and nothing is lost that a
 * replica still had.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { addSlots, failover, meet, replicate, setConfigEpoch } from "./admin.ts";
import { SimulatedCluster, type SimulatedNode } from "./simulated-cluster.ts";
import { areDutiesDone, dutiesOf, hold, Invariants, isHealed } from "./simulated-invariants.ts";

const SHARDS = 3;
const MOST_REPLICAS = 2;
const FORM_MS = 20_000;
const FAULT_MS = 60_000;
/** After so long the faults stay as they are for a while. */
const STILL_EVERY_MS = 20_000;
const STEP_MS = 250;
const HEAL_MS = 60_000;
/** Detection, and three elections: two that come to nothing because votes were split. */
const OWNED_WITHIN_MS = 30_000;
const LOSS_RATE = 0.002;
const MOST_DOWN = 2;
const MOST_LAG_MS = 1000;
const MOST_FREEZE_MS = 6000;

type Fault = (cluster: SimulatedCluster, node: SimulatedNode) => void;

/** Each as likely as it is often here. */
const FAULTS: readonly Fault[] = [
  crash,
  crash,
  restart,
  restart,
  restart,
  (cluster) => split(cluster),
  (cluster) => split(cluster),
  unite,
  unite,
  slowDown,
  freeze,
  cutOneWay,
  handOver,
];

function crash(cluster: SimulatedCluster, node: SimulatedNode): void {
  const down = cluster.nodes.filter(({ isUp }) => !isUp);
  if (down.length < MOST_DOWN && node.isUp) cluster.crash(node);
}

/** Data is lost only while another copy of it is there. */
function restart(cluster: SimulatedCluster): void {
  const node = cluster.nodes.find(({ isUp }) => !isUp);
  if (node === undefined) return;
  const isLast = !cluster.nodes.some((other) => other !== node && shardOf(other) === shardOf(node) && other.hasKeys);
  const keepsData = cluster.random.below(3) > 0 || isLast;
  cluster.restart(node, { keepsData, newIp: cluster.random.below(2) === 0 });
}

function split({ nodes, random }: SimulatedCluster): void {
  for (const node of nodes) node.side = random.below(4) === 0 ? 1 : 0;
}

function unite({ nodes }: SimulatedCluster): void {
  for (const node of nodes) {
    node.side = 0;
    node.lagMs = 0;
    node.unheardBy.clear();
  }
}

function slowDown({ random }: SimulatedCluster, node: SimulatedNode): void {
  node.lagMs = random.below(MOST_LAG_MS);
}

/** What waits for the end of an earlier one waits until then: no node goes on without it. */
function freeze({ now, random }: SimulatedCluster, node: SimulatedNode): void {
  if (node.isUp) node.frozenUntil = Math.max(node.frozenUntil, now + random.below(MOST_FREEZE_MS));
}

function cutOneWay({ nodes, random }: SimulatedCluster, node: SimulatedNode): void {
  for (const other of nodes) if (other !== node && random.below(2) === 0) node.unheardBy.add(other);
}

/** Somebody asks a replica to take over, which is refused where it makes no sense. */
function handOver(cluster: SimulatedCluster, node: SimulatedNode): void {
  const mode = cluster.random.below(3) === 0 ? "force" : "normal";
  if (node.isUp) cluster.command(node, (state) => failover(state, mode));
}

function formCluster(seed: number): SimulatedCluster {
  const cluster = new SimulatedCluster(seed, { replicaValidityFactor: 0 });
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

function shardOf({ index }: SimulatedNode): number {
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
function standStill(cluster: SimulatedCluster, invariants: Invariants): void {
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

/** Throws with the invariant that did not hold. */
export function simulateFaults(seed: number): void {
  const cluster = formCluster(seed);
  const { nodes, random } = cluster;
  const invariants = new Invariants(cluster, MOST_LAG_MS);
  cluster.lossRate = LOSS_RATE;
  for (let passed = STEP_MS; passed <= FAULT_MS; passed += STEP_MS) {
    const fault = FAULTS[random.below(FAULTS.length)] as Fault;
    if (random.below(6) === 0) fault(cluster, nodes[random.below(nodes.length)] as SimulatedNode);
    cluster.run(STEP_MS);
    invariants.check();
    if (passed % STILL_EVERY_MS === 0) standStill(cluster, invariants);
  }
  cluster.lossRate = 0;
  unite(cluster);
  for (const node of nodes) if (!node.isUp) cluster.restart(node, { keepsData: true, newIp: true });
  const isDone = () => {
    invariants.check();
    return isHealed(cluster);
  };
  hold(cluster.runUntil(HEAL_MS, isDone) !== undefined, "all agree again after the faults");
  cluster.run(5000);
  hold(
    nodes.every((node) => node.hasKeys),
    "every node has its data again",
  );
}
