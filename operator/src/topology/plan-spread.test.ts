import { describe, expect, it } from "vitest";
import { surveyCluster } from "./cluster-view.ts";
import { plan } from "./plan.ts";
import { planSpread } from "./plan-spread.ts";
import { seededRandom } from "./seeded-random.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";

function formed(shards: number, replicasPerShard: number): SimulatedCluster {
  const cluster = new SimulatedCluster(shards, replicasPerShard);
  const spec = { isFormed: false, isEphemeral: false, isBackupRunning: false, takeoverAfterSeconds: 30 };
  for (let round = 0; round < 30; round++) {
    for (const action of plan(cluster.view(), { ...spec, shards, replicasPerShard }).actions) cluster.apply(action);
    cluster.gossip();
  }
  return cluster;
}

/** Pods of shard i on the machines of the i-th word: "abc" puts the first on a, the second on b. */
function placed(words: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    words.flatMap((word, shard) => [...word].map((on, ordinal) => [`kv-${shard}-${ordinal}`, on] as const)),
  );
}

const next = (cluster: SimulatedCluster, on: ReadonlyMap<string, string>) =>
  planSpread(surveyCluster(cluster.view()), on);

/** Machines of the primaries after all that is to be done was done. */
function spread(cluster: SimulatedCluster, on: ReadonlyMap<string, string>): readonly (string | undefined)[] {
  for (let round = 0; round < 10; round++) {
    const action = next(cluster, on);
    if (action === undefined) {
      const { shards } = surveyCluster(cluster.view());
      return shards.flatMap(({ owners }) => owners.map(({ pod }) => on.get(pod))).sort();
    }
    cluster.apply(action);
    cluster.gossip();
    cluster.gossip();
  }
  throw new Error("It does not come to an end");
}

describe("primaries on machines", () => {
  it("hand over where the loss of one machine would leave no majority", () => {
    const on = placed(["abc", "abc", "abc"]);
    const cluster = formed(3, 2);
    expect(next(cluster, on)).toEqual({ kind: "Failover", pod: "kv-0-1", from: "kv-0-0" });
    expect(spread(cluster, on)).toEqual(["a", "b", "c"]);
  });

  it("stay where they are a majority without any one machine", () => {
    expect(next(formed(3, 2), placed(["abc", "bca", "cab"]))).toBeUndefined();
    expect(next(formed(5, 1), placed(["ab", "ab", "bc", "bc", "ca"]))).toBeUndefined();
  });

  it("stay where another machine would be as crowded, or none is known", () => {
    expect(next(formed(3, 1), placed(["ab", "ab", "ba"]))).toBeUndefined();
    expect(next(formed(1, 2), placed(["abc"]))).toBeUndefined();
    expect(next(formed(3, 1), placed(["aa", "aa", "aa"]))).toBeUndefined();
    expect(next(formed(3, 2), new Map())).toBeUndefined();
  });

  it("hand over only to a replica that follows", () => {
    const cluster = formed(3, 1);
    const view = cluster.view();
    const pods = view.pods.map((pod) =>
      pod.node === undefined || pod.ordinal === 0
        ? pod
        : { ...pod, node: { ...pod.node, info: { ...pod.node.info, isPrimaryLinkUp: false } } },
    );
    expect(planSpread(surveyCluster({ pods }), placed(["ab", "ac", "ab"]))).toBeUndefined();
    expect(next(cluster, placed(["ab", "ac", "ab"]))).toBeDefined();
  });

  it("come to an end wherever pods are", () => {
    const random = seededRandom(11);
    for (let life = 0; life < 12; life++) {
      const shards = 3 + Math.floor(random() * 2);
      const replicas = 1 + Math.floor(random() * 2);
      const words = Array.from({ length: shards }, () =>
        Array.from({ length: replicas + 1 }, () => "abcd"[Math.floor(random() * 4)]).join(""),
      );
      expect(spread(formed(shards, replicas), placed(words))).toHaveLength(shards);
    }
  });
});
