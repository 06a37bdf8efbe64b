/**
 * For tests: random crashes, restarts on new addresses, lost data, partitions and breaking links for a minute, then peace. At
 * every moment no two nodes may own a slot with the same epoch, and none that cannot reach a majority may go on for long;
 * afterwards all must agree again and nothing may be lost that a replica still had.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { addSlots, meet, replicate, setConfigEpoch } from "./admin.ts";
import { isPrimary, isSuspected } from "./cluster-node.ts";
import { SIMULATED_SETTINGS, SimulatedCluster, type SimulatedNode } from "./simulated-cluster.ts";

const SHARDS = 3;
const REPLICAS = 2;
const FAULT_MS = 60_000;
const STEP_MS = 500;
const HEAL_MS = 60_000;
/** After the node timeout; ticks, and the time until pings are missed. */
const GRACE_MS = 2000;

function hold(isTrue: boolean, invariant: string): void {
  if (!isTrue) throw new Error(invariant);
}

function formCluster(seed: number): SimulatedCluster {
  const cluster = new SimulatedCluster(seed, { replicaValidityFactor: 0 });
  for (let i = 0; i < SHARDS * (1 + REPLICAS); i++) cluster.addNode();
  const [first] = cluster.nodes as [SimulatedNode];
  for (const node of cluster.nodes) {
    cluster.command(node, (state) => {
      if (node.index < SHARDS) addSlots(state, shardSlots(node.index));
      setConfigEpoch(state, node.index + 1);
      if (node !== first) meet(state, first.ip, 6379, 16379);
    });
    node.hasKeys = node.index < SHARDS;
  }
  cluster.run(10_000);
  for (const node of cluster.nodes.slice(SHARDS)) {
    const primary = cluster.nodes[node.index % SHARDS] as SimulatedNode;
    cluster.command(node, (state) => replicate(state, primary.state.myself.id));
  }
  cluster.run(10_000);
  return cluster;
}

function shardSlots(shard: number): number[] {
  const start = Math.ceil((shard * SLOT_COUNT) / SHARDS);
  const end = Math.ceil(((shard + 1) * SLOT_COUNT) / SHARDS);
  return Array.from({ length: end - start }, (_, i) => start + i);
}

/** At most two nodes are down at a time, of different shards at first; data is lost only while another copy lives. */
function injectFault(cluster: SimulatedCluster): void {
  const { random, nodes } = cluster;
  const node = nodes[random.below(nodes.length)] as SimulatedNode;
  const down = nodes.filter((other) => !other.isUp);
  switch (random.below(5)) {
    case 0:
      if (down.length < 2 && node.isUp) cluster.crash(node);
      return;
    case 1:
    case 2: {
      const victim = down[0];
      if (victim !== undefined) restart(cluster, victim);
      return;
    }
    case 3:
      for (const other of nodes) other.side = random.below(4) === 0 ? 1 : 0;
      return;
    case 4:
      for (const other of nodes) other.side = 0;
      return;
  }
}

function restart(cluster: SimulatedCluster, node: SimulatedNode): void {
  const keepsData = cluster.random.below(3) > 0;
  cluster.restart(node, { keepsData, newIp: cluster.random.below(2) === 0 });
}

function slotOwners(cluster: SimulatedCluster, slot: number): SimulatedNode[] {
  return cluster.nodes.filter(({ isUp, state }) => isUp && state.table.ownedByMe[slot] === 1);
}

/** Two owners of a slot must at least be of different epochs, so that one of them gives way. */
function checkOwners(cluster: SimulatedCluster): void {
  for (let slot = 0; slot < SLOT_COUNT; slot += 1024) {
    const epochs = slotOwners(cluster, slot).map(({ state }) => state.myself.configEpoch);
    hold(new Set(epochs).size === epochs.length, `the owners of slot ${slot} have the epochs ${epochs}`);
  }
}

function isHealed(cluster: SimulatedCluster): boolean {
  const views = cluster.nodes.map(({ state }) => {
    const owners: string[] = [];
    for (let slot = 0; slot < SLOT_COUNT; slot += 64) owners.push(state.table.ownerOf(slot)?.id ?? "-");
    return owners.join();
  });
  const [first] = views;
  return cluster.nodes.every(
    ({ state }, i) =>
      state.isOk &&
      views[i] === first &&
      [...state.nodes.values()].every((node) => !isSuspected(node)) &&
      (isPrimary(state.myself) ? state.myself.slotCount > 0 : state.myself.primary !== undefined),
  );
}

/** Whether a node can reach most of those that own slots, as it knows them. */
function reachesMajority(cluster: SimulatedCluster, node: SimulatedNode): boolean {
  const { table } = node.state;
  const owners = new Set<string>();
  for (let slot = 0; slot < SLOT_COUNT; slot += 64) {
    const owner = table.ownerOf(slot);
    if (owner !== undefined) owners.add(owner.id);
  }
  const isReached = (id: string): boolean => {
    const other = cluster.nodes.find(({ state }) => state.myself.id === id);
    return other?.isUp === true && other.side === node.side;
  };
  const reached = [...owners].filter(isReached).length;
  return owners.size === 0 || reached * 2 > owners.size;
}

/** A primary without a majority must stop serving, or what it takes is lost when the majority goes on without it. */
class LonelyPrimaries {
  readonly #cluster: SimulatedCluster;
  readonly #since = new Map<SimulatedNode, number>();

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
  }

  check(): void {
    for (const node of this.#cluster.nodes) {
      const isLonely = node.isUp && isPrimary(node.state.myself) && !reachesMajority(this.#cluster, node);
      if (!isLonely) {
        this.#since.delete(node);
        continue;
      }
      const since = this.#since.get(node) ?? this.#cluster.now;
      this.#since.set(node, since);
      const aloneMs = this.#cluster.now - since;
      if (aloneMs <= SIMULATED_SETTINGS.nodeTimeoutMs + GRACE_MS) continue;
      hold(!node.state.isOk, `${node.name} goes on after ${aloneMs} ms without a majority`);
    }
  }
}

/** Throws with the invariant that did not hold. */
export function simulateFaults(seed: number): void {
  const cluster = formCluster(seed);
  hold(isHealed(cluster), "a cluster without faults agrees");
  const lonely = new LonelyPrimaries(cluster);
  cluster.lossRate = 0.002;
  for (let passed = 0; passed < FAULT_MS; passed += STEP_MS) {
    if (cluster.random.below(3) === 0) injectFault(cluster);
    cluster.run(STEP_MS);
    checkOwners(cluster);
    lonely.check();
  }
  cluster.lossRate = 0;
  for (const node of cluster.nodes) {
    node.side = 0;
    if (!node.isUp) cluster.restart(node, { keepsData: true, newIp: true });
  }
  hold(cluster.runUntil(HEAL_MS, () => isHealed(cluster)) !== undefined, "all agree again after the faults");
  checkOwners(cluster);
  cluster.run(5000);
  hold(
    cluster.nodes.every((node) => node.hasKeys),
    "every node has its data again",
  );
}
