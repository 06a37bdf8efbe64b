// Scaling over seeded random lives of a simulated cluster: shards are added and taken away, servers die and return, the operator
// dies in the middle of passes. The simulator throws where slots or keys would be lost, and at a second migration at a time.
import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { describe, expect, it } from "vitest";
import { MAX_SLOTS_PER_MOVE } from "./balance.ts";
import { type Plan, plan } from "./plan.ts";
import { canRemove } from "./plan-rebalance.ts";
import { seededRandom } from "./seeded-random.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";
import { countSlots } from "./slot-range.ts";
import type { TopologySpec } from "./step.ts";

const SEEDS = Number(process.env.SEEDS ?? 8);
const ROUNDS = 500;

interface World {
  readonly cluster: SimulatedCluster;
  spec: TopologySpec;
}

function specOf(shards: number, replicasPerShard: number): TopologySpec {
  const fixed = { isFormed: true, isEphemeral: false, isBackupRunning: false, takeoverAfterSeconds: 30 };
  return { shards, replicasPerShard, ...fixed };
}

/** What StatefulSets follow the spec, and drained ones go. */
function pass(world: World, keep: () => boolean = () => true): Plan {
  const { cluster, spec } = world;
  for (let shard = 0; shard < spec.shards; shard++) cluster.addShard(shard);
  const next = plan(cluster.view(), spec);
  for (const action of next.actions) if (keep()) cluster.apply(action);
  for (const { index } of next.survey.shards) {
    if (index >= spec.shards && canRemove(next.survey, index) && keep()) cluster.removeShard(index);
  }
  return next;
}

function settle(world: World): Plan {
  for (const node of world.cluster.nodes) if (!node.isAlive) world.cluster.restart(node);
  let last = pass(world);
  for (let round = 0; round < ROUNDS && !last.isSettled; round++) {
    world.cluster.gossip();
    last = pass(world);
  }
  return last;
}

function formed(shards: number, replicas: number): World {
  const cluster = new SimulatedCluster(shards, replicas);
  const world: World = { cluster, spec: { ...specOf(shards, replicas), isFormed: false } };
  settle(world);
  for (let count = 0; count < 100; count++) cluster.write();
  cluster.gossip();
  world.spec = specOf(shards, replicas);
  return world;
}

function expectBalanced({ survey, ...last }: Plan, shards: number): void {
  expect({ waits: last.waits, problems: last.problems, actions: last.actions }).toEqual({
    waits: [],
    problems: [],
    actions: [],
  });
  const sizes = [...survey.slotsOf.values()].map(countSlots);
  expect(sizes.reduce((a, b) => a + b)).toBe(SLOT_COUNT);
  expect(sizes).toHaveLength(shards);
  expect(survey.shards.map(({ index }) => index)).toEqual(Array.from({ length: shards }, (_, index) => index));
  const mean = SLOT_COUNT / shards;
  for (const size of sizes) expect(Math.abs(size - mean)).toBeLessThanOrEqual(Math.max(1, mean / 100));
}

const keysOf = ({ cluster }: World) =>
  cluster.nodes.filter(({ slots }) => slots.length > 0).reduce((sum, { keys }) => sum + keys, 0);

function overSeeds(body: (random: () => number) => void): void {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      body(seededRandom(seed));
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
}

const anySize = (random: () => number) => [1, 3, 4, 5, 6, 8][Math.floor(random() * 6)] as number;

describe("plan, when the number of shards changes", () => {
  it("spreads the slots evenly, moves no key twice that need not, and loses none", () => {
    overSeeds((random) => {
      const [before, after, replicas] = [anySize(random), anySize(random), Math.floor(random() * 3)];
      const world = formed(before, replicas);
      const keys = keysOf(world);
      world.spec = specOf(after, replicas);
      expectBalanced(settle(world), after);
      expect(keysOf(world)).toBe(keys);
      const moved = world.cluster.migrations.reduce((sum, { ranges }) => sum + countSlots(ranges), 0);
      const needed = (SLOT_COUNT * Math.abs(after - before)) / Math.max(after, before);
      expect(moved).toBeLessThanOrEqual(needed + Math.max(after, before));
      expect(world.cluster.migrations.every(({ ranges }) => countSlots(ranges) <= MAX_SLOTS_PER_MOVE)).toBe(true);
    });
  });

  it("comes to the same end though the operator dies in passes, servers die, and the spec changes in the middle", () => {
    overSeeds((random) => {
      const replicas = 1 + Math.floor(random() * 2);
      const world = formed(anySize(random), replicas);
      for (let round = 0; round < 60; round++) {
        if (random() < 0.05) world.spec = specOf(anySize(random), replicas);
        if (random() < 0.1) {
          const node = world.cluster.nodes[Math.floor(random() * world.cluster.nodes.length)];
          if (node?.isAlive === true) world.cluster.kill(node);
          else if (node !== undefined) world.cluster.restart(node);
        }
        pass(world, () => random() < 0.7);
        world.cluster.gossip();
      }
      expectBalanced(settle(world), world.spec.shards);
    });
  });

  it("spreads what a leaving shard held over all others", () => {
    overSeeds((random) => {
      const before = 4 + Math.floor(random() * 4);
      const world = formed(before, 0);
      world.spec = specOf(before - 1, 0);
      settle(world);
      const gained = new Map<string, number>();
      for (const { targetId, ranges } of world.cluster.migrations) {
        gained.set(targetId, (gained.get(targetId) ?? 0) + countSlots(ranges));
      }
      expect(gained.size).toBe(before - 1);
      expect(Math.max(...gained.values()) - Math.min(...gained.values())).toBeLessThanOrEqual(2);
    });
  });
});
