/** What a primary has said of itself just before it dies, and not all have heard. */

import { describe, expect, it } from "vitest";
import type { ClusterNode } from "./cluster-node.ts";
import type { SimulatedCluster, SimulatedNode } from "./simulated-cluster.ts";
import { isHealed } from "./simulated-invariants.ts";
import { formCluster, shardOf } from "./simulated-scene.ts";
import { relayClaim, takeCopiedSlots, takeEpochUnasked } from "./slot-claims.ts";
import type { ClusterState } from "./state.ts";

const SEED = 3;
const LIMIT_MS = 20_000;
/** Less than the time to find out that a node is dead. */
const RELAY_MS = 500;

interface LateNews {
  readonly cluster: SimulatedCluster;
  readonly dead: SimulatedNode;
  /** Another primary's until `dead` took it, if it did. */
  readonly slot: number;
}

/** Only one of the other two primaries hears of it. */
function lateNews(change: (state: ClusterState, slot: number) => void): LateNews {
  const cluster = formCluster(SEED);
  const [witness, dead] = cluster.nodes as [SimulatedNode, SimulatedNode];
  const slot = witness.state.table.ownedByMe.indexOf(1);
  for (const node of cluster.nodes) if (node !== witness) dead.unheardBy.add(node);
  cluster.command(dead, (state) => change(state, slot));
  const { id, configEpoch } = dead.state.myself;
  const isHeard = (): boolean => witness.state.nodes.get(id)?.configEpoch === configEpoch;
  expect(cluster.runUntil(LIMIT_MS, isHeard)).toBeDefined();
  cluster.crash(dead);
  return { cluster, dead, slot };
}

function expectSuccessor({ cluster, dead }: LateNews, slot: number): void {
  const others = cluster.nodes.filter((node) => shardOf(node) === shardOf(dead) && node !== dead);
  const isTaken = (): boolean => others.some(({ state }) => state.table.ownedByMe[slot] === 1);
  expect(cluster.runUntil(LIMIT_MS, isTaken)).toBeDefined();
  const isServed = (): boolean => cluster.nodes.every(({ isUp, state }) => !isUp || state.isOk);
  expect(cluster.runUntil(LIMIT_MS, isServed)).toBeDefined();
}

describe("what a primary has said just before it died, and its replica has not heard", () => {
  it("a new epoch: who denies the replica its vote says so", () => {
    const news = lateNews((state) => void takeEpochUnasked(state));
    expectSuccessor(news, news.dead.state.table.ownedByMe.indexOf(1));
  });

  it("slots that it took: they are its successor's, and stay so when it comes back", () => {
    const news = lateNews((state, slot) => takeCopiedSlots(state, [slot]));
    expectSuccessor(news, news.slot);
    const { cluster, dead } = news;
    cluster.restart(dead, { keepsData: true, newIp: true });
    dead.unheardBy.clear();
    expect(cluster.runUntil(LIMIT_MS, () => isHealed(cluster))).toBeDefined();
    expect(dead.state.myself.primary).toBeDefined();
  });

  it("slots that it took, when only who had them knows it: that one tells all others", () => {
    const { cluster, dead, slot } = lateNews((state, slot) => takeCopiedSlots(state, [slot]));
    const [witness, , ...others] = cluster.nodes as [SimulatedNode, SimulatedNode, ...SimulatedNode[]];
    const ownerFor = ({ state }: SimulatedNode) => state.table.ownerOf(slot)?.id;
    const { id } = dead.state.myself;
    expect(others.filter((node) => ownerFor(node) === id)).toEqual([]);
    cluster.command(witness, (state) => relayClaim(state, state.nodes.get(id) as ClusterNode));
    cluster.run(RELAY_MS);
    expect(others.filter((node) => ownerFor(node) !== id)).toEqual([]);
  });
});
