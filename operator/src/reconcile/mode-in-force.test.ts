import { describe, expect, it } from "vitest";
import type { KVCluster } from "../api/kv-cluster.ts";
import { SHARD_LABEL } from "../api/labels.ts";
import { exampleCluster } from "../resources/example-cluster.ts";
import type { Manifest } from "../resources/manifest.ts";
import { RESTART_INPUTS_ANNOTATION } from "../resources/pod-template.ts";
import { restartInputs } from "../resources/restart-inputs.ts";
import { modeInForce } from "./mode-in-force.ts";
import type { Pod } from "./pod.ts";

const PAIR = { mode: "Replication", shards: 1, replicasPerShard: 1 };
const ALONE = { mode: "Standalone", shards: 1, replicasPerShard: 0 };
const SHARDS = { mode: "Cluster", shards: 3, replicasPerShard: 2 };
const OUTSIDE = { networking: { external: { type: "NodePort" } } };

const madeFor = (spec: object) => ({
  labels: { [SHARD_LABEL]: "0" },
  annotations: { [RESTART_INPUTS_ANNOTATION]: restartInputs(exampleCluster({ ...spec })) },
});

function setFor(spec: object, replicas: number): Manifest {
  const metadata = { name: "shop-0", labels: { [SHARD_LABEL]: "0" } };
  const template = { metadata: madeFor(spec) };
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata, spec: { replicas, template } };
}

function podFor(spec: object, ordinal: number): Pod {
  return { apiVersion: "v1", kind: "Pod", metadata: { name: `shop-0-${ordinal}`, ...madeFor(spec) } };
}

function look(sets: readonly Manifest[], pods: readonly Pod[], wanted: object = SHARDS) {
  const { cluster, task } = modeInForce(exampleCluster({ ...wanted }), sets, pods);
  const { mode, shards, replicasPerShard } = cluster.spec;
  return { is: [mode, shards, replicasPerShard], isDecided: task?.isDecided, oldPods: task?.oldPods, cluster, task };
}

const WANTED = ["Cluster", 3, 2];

describe("the mode in force", () => {
  it("is that of the spec where nothing runs, where it is a cluster already, and where no cluster is wanted", () => {
    expect(look([], [])).toMatchObject({ is: WANTED, task: undefined });
    expect(look([setFor(SHARDS, 3)], [podFor(SHARDS, 0)])).toMatchObject({ is: WANTED, task: undefined });
    expect(look([setFor(ALONE, 1)], [podFor(ALONE, 0)], PAIR)).toMatchObject({
      is: ["Replication", 1, 1],
      task: undefined,
    });
  });

  it("is that of the group, as large as it is, as long as its set makes members of one", () => {
    const pods = [podFor(PAIR, 0), podFor(PAIR, 1)];
    expect(look([setFor(PAIR, 2)], pods)).toMatchObject({
      ...{ is: ["Replication", 1, 1], isDecided: false, oldPods: ["shop-0-0", "shop-0-1"] },
    });
    expect(look([setFor(ALONE, 1)], [podFor(ALONE, 0)])).toMatchObject({ is: ["Standalone", 1, 0], isDecided: false });
    // Its replica is yet to come.
    expect(look([setFor(PAIR, 2)], [podFor(ALONE, 0)])).toMatchObject({ is: ["Replication", 1, 1], isDecided: false });
  });

  it("has nothing that only clusters have until then", () => {
    const { cluster, task } = look([setFor(PAIR, 2)], [podFor(PAIR, 0)], { ...SHARDS, ...OUTSIDE });
    expect(cluster.spec.networking).not.toHaveProperty("external");
    expect(task?.asCluster.spec.networking).toHaveProperty("external");
  });

  it("is a cluster of that one shard once its set makes nodes, until the last member is gone", () => {
    const set = setFor(SHARDS, 2);
    expect(look([set], [podFor(SHARDS, 0), podFor(PAIR, 1)])).toMatchObject({
      ...{ is: ["Cluster", 1, 1], isDecided: true, oldPods: ["shop-0-1"] },
    });
    expect(look([set], [podFor(SHARDS, 0)])).toMatchObject({ is: WANTED, task: undefined });
  });

  it("follows from the pods where the set is being made anew", () => {
    expect(look([], [podFor(PAIR, 0), podFor(PAIR, 1)])).toMatchObject({ is: ["Replication", 1, 1], isDecided: false });
    expect(look([], [podFor(PAIR, 0), podFor(SHARDS, 1)])).toMatchObject({ is: ["Cluster", 1, 1], isDecided: true });
  });

  it("remembers how large a group is that sleeps", () => {
    const wanted = exampleCluster({ ...SHARDS });
    const copies = ["shop-0-0", "shop-0-3"].map((pod) => ({ pod, runId: "r" }));
    const status = { shardStatus: [{ index: 0, primary: "shop-0-3", replicas: ["shop-0-0"], copies }] };
    const asleep: KVCluster = { ...wanted, status };
    expect(modeInForce(asleep, [setFor(PAIR, 0)], []).cluster.spec).toMatchObject({
      ...{ mode: "Replication", replicasPerShard: 3 },
    });
  });

  it("is a cluster where pods are from before there was a choice", () => {
    const old: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "shop-0-0", labels: { [SHARD_LABEL]: "0" } } };
    expect(look([], [old])).toMatchObject({ is: WANTED, task: undefined });
  });
});
