import { describe, expect, it } from "vitest";
import { addSlots } from "./admin.ts";
import { type ClusterNode, createNode, NODE_FLAG } from "./cluster-node.ts";
import { passOnSlots } from "./inherited-slots.ts";
import { createLonelyState } from "./lonely-state.ts";
import type { SimulatedCluster, SimulatedNode } from "./simulated-cluster.ts";
import { isHealed } from "./simulated-invariants.ts";
import { formCluster } from "./simulated-scene.ts";
import { takeCopiedSlots } from "./slot-claims.ts";
import { addNode, type ClusterState } from "./state.ts";

const SEED = 3;
const LIMIT_MS = 20_000;
const SHARDS = 3;

/** A slot of one primary that another has taken, of which only the first has heard when that one dies. */
function lateNews(): { cluster: SimulatedCluster; taker: SimulatedNode; slot: number } {
  const cluster = formCluster(SEED);
  const [giver, taker] = cluster.nodes as [SimulatedNode, SimulatedNode];
  const slot = giver.state.table.ownedByMe.indexOf(1);
  for (const node of cluster.nodes) if (node !== giver) taker.unheardBy.add(node);
  cluster.command(taker, (state) => takeCopiedSlots(state, [slot]));
  cluster.run(50);
  expect(giver.state.table.ownerOf(slot)?.id).toBe(taker.state.myself.id);
  cluster.crash(taker);
  taker.unheardBy.clear();
  return { cluster, taker, slot };
}

describe("slots that a primary took just before it died", () => {
  it("are its successor's, which had not heard of that", () => {
    const { cluster, taker, slot } = lateNews();
    const ofItsShard = cluster.nodes.filter(({ index }) => index % SHARDS === taker.index && index !== taker.index);
    const isTaken = (): boolean => ofItsShard.some(({ state }) => state.table.ownedByMe[slot] === 1);
    expect(cluster.runUntil(LIMIT_MS, isTaken)).toBeDefined();
    const isServed = (): boolean => cluster.nodes.every(({ isUp, state }) => !isUp || state.isOk);
    expect(cluster.runUntil(LIMIT_MS, isServed)).toBeDefined();
  });

  it("stay its successor's when it comes back", () => {
    const { cluster, taker } = lateNews();
    cluster.run(LIMIT_MS);
    cluster.restart(taker, { keepsData: true, newIp: true });
    expect(cluster.runUntil(LIMIT_MS, () => isHealed(cluster))).toBeDefined();
    expect(taker.state.myself.primary).toBeDefined();
  });

  describe("where nobody who knew of them had a vote", () => {
    const SLOT = 7;
    function addPrimary(state: ClusterState, digit: string, epoch: number, flags = 0): ClusterNode {
      const node = createNode({ id: digit.repeat(40), flags: NODE_FLAG.primary | flags, now: 0 });
      node.configEpoch = epoch;
      node.shardId = "s".repeat(40);
      addNode(state, node);
      return node;
    }

    it.each([
      { epoch: 9, owner: "the successor" },
      { epoch: 7, owner: "the dead one, whose claim is newer than that of who has its other slots" },
    ])(
      "are taken once they are told of, by who was elected later: with epoch $epoch they are $owner's",
      ({ epoch }) => {
        const state = createLonelyState();
        const { myself, table } = state;
        addSlots(state, [SLOT + 1]);
        myself.configEpoch = epoch;
        myself.shardId = "s".repeat(40);
        const dead = addPrimary(state, "d", 8, NODE_FLAG.failed);
        table.assign(SLOT, dead);
        passOnSlots(state);
        expect(table.ownerOf(SLOT)).toBe(epoch > 8 ? myself : dead);
      },
    );

    it("are nobody's to take while their owner is not known to have failed, or is of another shard", () => {
      const state = createLonelyState();
      addSlots(state, [SLOT + 1]);
      state.myself.configEpoch = 9;
      state.myself.shardId = "s".repeat(40);
      const living = addPrimary(state, "a", 8);
      const foreign = addPrimary(state, "b", 8, NODE_FLAG.failed);
      foreign.shardId = "t".repeat(40);
      state.table.assign(SLOT, living);
      state.table.assign(SLOT + 2, foreign);
      passOnSlots(state);
      expect([SLOT, SLOT + 2].map((slot) => state.table.ownerOf(slot))).toEqual([living, foreign]);
    });
  });
});
