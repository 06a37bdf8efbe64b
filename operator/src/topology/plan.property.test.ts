// Properties of the plan over seeded random lives of a simulated cluster. The simulator throws on every action that a
// server would refuse or that would assign an owned slot, drop data or promote a worse copy.
import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { describe, expect, it } from "vitest";
import { plan } from "./plan.ts";
import { seededRandom } from "./seeded-random.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";
import { countSlots } from "./slot-range.ts";
import type { TopologySpec } from "./step.ts";

const SEEDS = Number(process.env.SEEDS ?? 40);
const CALM_ROUNDS = 40;

function run(seed: number, body: (random: () => number) => void): void {
  try {
    body(seededRandom(seed));
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}

function makeCluster(random: () => number): { cluster: SimulatedCluster; spec: TopologySpec; replicas: number } {
  const shards = [1, 3, 3, 4, 6][Math.floor(random() * 5)] as number;
  const replicas = Math.floor(random() * 3);
  return {
    cluster: new SimulatedCluster(shards, replicas),
    spec: {
      shards,
      replicasPerShard: replicas,
      isFormed: false,
      isEphemeral: false,
      isBackupRunning: false,
      takeoverAfterSeconds: 30,
    },
    replicas,
  };
}

function pass(cluster: SimulatedCluster, spec: TopologySpec, keep: () => boolean): ReturnType<typeof plan> {
  const next = plan(cluster.view(), spec);
  expect(new Set(next.actions.map(({ kind }) => kind)).size, "one kind of action a pass").toBeLessThanOrEqual(1);
  for (const action of next.actions) if (keep()) cluster.apply(action);
  return next;
}

function disturb(cluster: SimulatedCluster, random: () => number): void {
  const node = cluster.nodes[Math.floor(random() * cluster.nodes.length)];
  if (node === undefined) return;
  if (node.isAlive && random() < 0.5) cluster.kill(node);
  else if (!node.isAlive) {
    if (random() < 0.4 && cluster.isReplaceable(node)) cluster.restartEmpty(node);
    else cluster.restart(node);
  }
}

function settle(cluster: SimulatedCluster, spec: TopologySpec): ReturnType<typeof plan> {
  for (const node of cluster.nodes) if (!node.isAlive) cluster.restart(node);
  let last = pass(cluster, spec, () => true);
  for (let round = 0; round < CALM_ROUNDS && !last.isSettled; round++) {
    cluster.gossip();
    last = pass(cluster, spec, () => true);
  }
  return last;
}

function expectFormed(last: ReturnType<typeof plan>, spec: TopologySpec, replicas: number): void {
  expect({ waits: last.waits, problems: last.problems, actions: last.actions }).toEqual({
    waits: [],
    problems: [],
    actions: [],
  });
  expect(last.survey.unassigned).toEqual([]);
  expect(last.survey.slotsOf.size).toBe(spec.shards);
  for (const shard of last.survey.shards) {
    const [owner] = shard.owners;
    expect(shard.owners).toHaveLength(1);
    const followers = shard.reachable.filter(
      (pod) => pod.self.primaryId === owner?.node.id && pod.node.info.isPrimaryLinkUp,
    );
    expect(followers).toHaveLength(replicas);
  }
}

describe("plan, over random lives of a cluster", () => {
  it("forms a fresh cluster with every slot owned and every replica following", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      run(seed, (random) => {
        const { cluster, spec, replicas } = makeCluster(random);
        const last = settle(cluster, spec);
        expectFormed(last, spec, replicas);
        const sizes = [...last.survey.slotsOf.values()].map(countSlots);
        expect(sizes.reduce((a, b) => a + b)).toBe(SLOT_COUNT);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      });
    }
  });

  it("forms also when the operator dies in the middle of passes and gossip is slow", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      run(seed, (random) => {
        const { cluster, spec, replicas } = makeCluster(random);
        for (let round = 0; round < 12; round++) {
          pass(cluster, spec, () => random() < 0.5);
          if (random() < 0.5) cluster.gossip();
        }
        expectFormed(settle(cluster, spec), spec, replicas);
      });
    }
  });

  it("heals after pods died, moved and came back empty, without losing a copy", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      run(seed, (random) => {
        const { cluster, spec, replicas } = makeCluster(random);
        settle(cluster, spec);
        cluster.gossip();
        for (let round = 0; round < 40; round++) {
          cluster.write();
          if (random() < 0.4) disturb(cluster, random);
          pass(cluster, spec, () => random() < 0.8);
          cluster.gossip();
        }
        expectFormed(settle(cluster, spec), spec, replicas);
      });
    }
  });

  it("reforms when all pods come back at once on new addresses", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      run(seed, (random) => {
        const { cluster, spec, replicas } = makeCluster(random);
        settle(cluster, spec);
        cluster.write();
        cluster.gossip();
        const owners = cluster.nodes.filter((node) => node.slots.length > 0).map((node) => node.id);
        for (const node of cluster.nodes) cluster.kill(node);
        for (const node of cluster.nodes) cluster.restart(node);
        expectFormed(settle(cluster, spec), spec, replicas);
        expect(cluster.nodes.filter((node) => node.slots.length > 0).map((node) => node.id)).toEqual(owners);
      });
    }
  });

  it("does nothing while most servers are unreachable", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      run(seed, (random) => {
        const { cluster, spec } = makeCluster(random);
        for (let round = 0; round < Math.floor(random() * 8); round++) {
          pass(cluster, spec, () => true);
          cluster.gossip();
        }
        const silent = Math.floor(cluster.nodes.length / 2) + 1;
        for (const node of cluster.nodes.slice(0, silent)) node.isSilent = true;
        const next = plan(cluster.view(), spec);
        expect(next.actions).toEqual([]);
        expect(next.problems.map(({ reason }) => reason)).toEqual(["MajorityUnreachable"]);
      });
    }
  });

  it("answers the same view with the same plan, in whatever order pods are listed", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      run(seed, (random) => {
        const { cluster, spec } = makeCluster(random);
        for (let round = 0; round < 6; round++) {
          const view = cluster.view();
          const shuffled = {
            pods: [...view.pods].sort((a, b) => a.pod.length - b.pod.length || (a.pod < b.pod ? 1 : -1)),
          };
          expect(plan(shuffled, spec).actions).toEqual(plan(view, spec).actions);
          pass(cluster, spec, () => random() < 0.7);
          cluster.gossip();
        }
      });
    }
  });
});
