/**
 * For tests: for a minute, random crashes, restarts on new addresses, lost data, partitions, nodes that are slow, stand still
 * or are heard by some only, breaking links, and failovers that somebody asks for; in between moments in which the faults there are stay as they are; then
 * peace. The invariants of simulated-invariants.ts hold all the time, afterwards all agree again, and nothing is lost that a
 * replica still had.
 */

import { FAULTS, type Fault, MOST_LAG_MS, unite } from "./fault-kinds.ts";
import type { SimulatedNode } from "./simulated-cluster.ts";
import { hold, Invariants, isHealed } from "./simulated-invariants.ts";
import { formCluster, standStill } from "./simulated-scene.ts";

const FAULT_MS = 60_000;
/** After so long the faults stay as they are for a while. */
const STILL_EVERY_MS = 20_000;
const STEP_MS = 250;
const HEAL_MS = 60_000;
const LOSS_RATE = 0.002;

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
