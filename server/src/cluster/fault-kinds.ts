/** For tests: what befalls the nodes of a simulated cluster. */

import { failover } from "./admin.ts";
import type { SimulatedCluster, SimulatedNode } from "./simulated-cluster.ts";
import { shardOf } from "./simulated-scene.ts";

const MOST_DOWN = 2;
export const MOST_LAG_MS = 1000;
const MOST_FREEZE_MS = 6000;

export type Fault = (cluster: SimulatedCluster, node: SimulatedNode) => void;

/** Each as likely as it is often here. */
export const FAULTS: readonly Fault[] = [
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

export function unite({ nodes }: SimulatedCluster): void {
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
