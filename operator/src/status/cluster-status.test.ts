import { describe, expect, it } from "vitest";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVClusterStatus } from "../api/kv-cluster-status.ts";
import { exampleCluster } from "../resources/example-cluster.ts";
import type { ClusterView } from "../topology/cluster-view.ts";
import { plan } from "../topology/plan.ts";
import { SimulatedCluster } from "../topology/simulated-cluster.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { clusterStatus, type UntimedStatus } from "./cluster-status.ts";

const SPEC = {
  shards: 3,
  replicasPerShard: 1,
  isFormed: false,
  isEphemeral: false,
  isBackupRunning: false,
  takeoverAfterSeconds: 30,
};

function formed(): SimulatedCluster {
  const simulated = new SimulatedCluster(3, 1);
  for (let round = 0; round < 20; round++) {
    for (const action of plan(simulated.view(), SPEC).actions) simulated.apply(action);
    simulated.gossip();
  }
  return simulated;
}

function factsOf(view: ClusterView, overrides: Partial<ClusterFacts> = {}): ClusterFacts {
  return {
    cluster: exampleCluster(),
    clusterDomain: "cluster.local",
    pods: view.pods.map(({ pod, node }) => ({ pod, isReady: node !== undefined, isCurrent: true, trouble: undefined })),
    volumeSize: "1Gi",
    volumeRefusal: undefined,
    passwordProblem: undefined,
    certificate: undefined,
    refusals: new Map(),
    configTurnout: undefined,
    userProblems: undefined,
    userTurnout: undefined,
    external: undefined,
    restartWait: undefined,
    restore: undefined,
    hibernation: undefined,
    modeChange: undefined,
    plan: plan(view, SPEC),
    halt: undefined,
    ...overrides,
  };
}

function condition(status: UntimedStatus, type: string): readonly string[] {
  const found = status.conditions.find((one) => one.type === type);
  return [found?.status ?? "", found?.reason ?? ""];
}

/** The cluster as the next pass sees it, with the status of the one before. */
function withStatus(cluster: KVCluster, status: UntimedStatus): KVCluster {
  const timed = status.conditions.map((one) => ({ ...one, lastTransitionTime: "2026-01-01T00:00:00Z" }));
  return { ...cluster, status: { ...status, conditions: timed } as KVClusterStatus };
}

describe("clusterStatus", () => {
  it("of a complete cluster is ready and names primaries, replicas, slots and addresses", () => {
    const status = clusterStatus(factsOf(formed().view()));
    expect(status).toMatchObject({
      observedGeneration: 1,
      phase: "Ready",
      message: "3 shards with 1 replicas each serve all slots",
      shards: 3,
      readyShards: 3,
      replicasPerShard: 1,
      instances: 6,
      readyInstances: 6,
      ready: "6/6",
      selector: "kvcluster.dev/cluster=shop,app.kubernetes.io/component=server",
      slotsAssigned: 16384,
      endpoints: {
        write: "shop-write.apps.svc.cluster.local:6379",
        read: "shop-read.apps.svc.cluster.local:6379",
        discovery: "shop.apps.svc.cluster.local:6379",
      },
      secretName: "shop-connection",
    });
    expect(status.shardStatus?.[1]).toMatchObject({
      index: 1,
      primary: "kv-1-0",
      replicas: ["kv-1-1"],
      slots: "5461-10921",
    });
    expect(status.conditions.map(({ type, status: value }) => `${type}=${value}`)).toEqual([
      "Ready=True",
      "Progressing=False",
      "Degraded=False",
      "ClusterFormed=True",
      "SlotsAssigned=True",
      "Balanced=True",
      "StorageReady=True",
      "UpToDate=True",
    ]);
    expect(status.conditions.every(({ observedGeneration }) => observedGeneration === 1)).toBe(true);
  });

  it("says the same again for the same world, so nothing is written", () => {
    const simulated = formed();
    expect(clusterStatus(factsOf(simulated.view()))).toEqual(clusterStatus(factsOf(simulated.view())));
    simulated.write();
    simulated.gossip();
    expect(clusterStatus(factsOf(simulated.view()))).toEqual(clusterStatus(factsOf(formed().view())));
  });

  it("of a new cluster goes from creating to forming, never degraded", () => {
    const simulated = new SimulatedCluster(3, 1);
    for (const node of simulated.nodes.slice(1)) simulated.kill(node);
    const creating = clusterStatus(factsOf(simulated.view()));
    expect([creating.phase, ...condition(creating, "Degraded")]).toEqual(["Creating", "False", "Complete"]);
    const forming = clusterStatus(factsOf(new SimulatedCluster(3, 1).view()));
    expect([forming.phase, ...condition(forming, "Progressing")]).toEqual(["Forming", "True", "SetConfigEpoch"]);
    expect(condition(forming, "ClusterFormed")).toEqual(["False", "Forming"]);
    expect(forming.slotsAssigned).toBe(0);
  });

  it("of a cluster that lost a replica is degraded but keeps serving", () => {
    const simulated = formed();
    const before = clusterStatus(factsOf(simulated.view()));
    const [, replica] = simulated.nodes;
    if (replica !== undefined) simulated.kill(replica);
    const view = simulated.view();
    const after = clusterStatus(factsOf(view, { cluster: withStatus(exampleCluster(), before) }));
    expect(after.phase).toBe("Degraded");
    expect(condition(after, "Ready")).toEqual(["False", "ServersNotReady"]);
    expect(condition(after, "SlotsAssigned")).toEqual(["True", "AllServed"]);
    expect(after.message).toBe('Waiting for pod "kv-0-1" to answer');
    expect(after.readyInstances).toBe(5);
  });

  it("of a cluster whose owner is away names the slots that are not served", () => {
    const simulated = formed();
    const before = clusterStatus(factsOf(simulated.view()));
    const [owner] = simulated.nodes;
    if (owner !== undefined) simulated.kill(owner);
    const after = clusterStatus(factsOf(simulated.view(), { cluster: withStatus(exampleCluster(), before) }));
    expect(condition(after, "SlotsAssigned")).toEqual(["False", "OwnerUnreachable"]);
    expect(condition(after, "ClusterFormed")).toEqual(["True", "Formed"]);
    expect(after.readyShards).toBe(2);
    expect(after.shardStatus?.[0]).toEqual({ index: 0, replicas: [] });
  });

  it("keeps what was last known when a pass was halted before the servers were asked", () => {
    const before = clusterStatus(factsOf(formed().view()));
    const halt = { reason: "NameTaken", message: 'Service "shop" belongs to somebody else' };
    const cluster = withStatus(exampleCluster(), before);
    const after = clusterStatus(factsOf(formed().view(), { cluster, plan: undefined, halt }));
    expect(after).toMatchObject({ phase: "Degraded", message: halt.message, slotsAssigned: 16384, readyShards: 3 });
    expect(condition(after, "Ready")).toEqual(["False", "NameTaken"]);
    expect(condition(after, "SlotsAssigned")).toEqual(["Unknown", "ServersUnknown"]);
  });

  it("cuts a message that the API server would refuse", () => {
    const halt = { reason: "ReconcileFailed", message: "x".repeat(10_000) };
    const status = clusterStatus(factsOf(formed().view(), { halt }));
    for (const { message } of [status, ...status.conditions]) expect(message?.length).toBeLessThanOrEqual(1024);
  });

  it("names what Kubernetes knows about a pod that is not ready", () => {
    const facts = factsOf(formed().view());
    const pods = facts.pods.map((pod, index) => (index === 1 ? { ...pod, isReady: false, trouble: "OOMKilled" } : pod));
    const [name] = pods.filter(({ isReady }) => !isReady).map(({ pod }) => pod);
    expect(clusterStatus({ ...facts, pods }).message).toBe(`Waiting for ${name} to be ready (${name}: OOMKilled)`);
  });

  it("tells of pending restarts, volumes of another size and a pause", () => {
    const view = formed().view();
    const cluster = exampleCluster({ storage: { size: "2Gi" }, paused: true });
    const pods = view.pods.map(({ pod }, index) => ({ pod, isReady: true, isCurrent: index > 1, trouble: undefined }));
    const status = clusterStatus(factsOf(view, { cluster, pods }));
    expect(status.phase).toBe("Paused");
    expect(condition(status, "UpToDate")).toEqual(["False", "RestartPending"]);
    expect(condition(status, "StorageReady")).toEqual(["False", "Resizing"]);
    const refused = clusterStatus(factsOf(view, { cluster, volumeRefusal: "the class cannot" }));
    expect(condition(refused, "StorageReady")).toEqual(["False", "ResizeRefused"]);
    expect(condition(status, "Progressing")).toEqual(["False", "Paused"]);
  });
});
