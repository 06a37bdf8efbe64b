// Single situations, each as a view made from a formed cluster with something changed by hand. What follows over time is
// in plan.property.test.ts.
import { describe, expect, it } from "vitest";
import type { Action } from "./action.ts";
import type { NodeEntry, NodeFlag } from "./cluster-nodes.ts";
import type { ClusterView, NodeObservation, PodView } from "./cluster-view.ts";
import { plan } from "./plan.ts";
import { canShrink } from "./plan-handover.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";

const SPEC = {
  shards: 3,
  replicasPerShard: 2,
  isFormed: false,
  isEphemeral: false,
  isBackupRunning: false,
  takeoverAfterSeconds: 30,
};

function formed(replicas = 1): SimulatedCluster {
  const cluster = new SimulatedCluster(3, replicas);
  cluster.write();
  for (let round = 0; round < 20; round++) {
    for (const action of plan(cluster.view(), SPEC).actions) cluster.apply(action);
    cluster.gossip();
  }
  cluster.write();
  cluster.gossip();
  return cluster;
}

type Change = Partial<Omit<PodView, "node">> & { node?: Partial<NodeObservation> | undefined };

/** The view with one pod changed; `node: undefined` makes it unreachable. */
function change(view: ClusterView, pod: string, changes: Change): ClusterView {
  const pods = view.pods.map((one): PodView => {
    if (one.pod !== pod) return one;
    const { node: nodeChanges, ...rest } = changes;
    const isSilent = "node" in changes && nodeChanges === undefined;
    const node = isSilent || one.node === undefined ? undefined : { ...one.node, ...nodeChanges };
    return { ...one, ...rest, node };
  });
  return { pods };
}

function nodeOf(view: ClusterView, pod: string): NodeObservation {
  const node = view.pods.find((one) => one.pod === pod)?.node;
  if (node === undefined) throw new Error(`no node in ${pod}`);
  return node;
}

/** Changes the entry by which `pod` knows the node in `peer`. */
function changeEntry(view: ClusterView, pod: string, peerId: string, changes: Partial<NodeEntry>): ClusterView {
  const entries = nodeOf(view, pod).entries.map((entry) => (entry.id === peerId ? { ...entry, ...changes } : entry));
  return change(view, pod, { node: { entries } });
}

function changeInfo(view: ClusterView, pod: string, changes: Partial<NodeObservation["info"]>): ClusterView {
  return change(view, pod, { node: { info: { ...nodeOf(view, pod).info, ...changes } } });
}

function reasons(view: ClusterView): readonly string[] {
  return plan(view, SPEC).problems.map(({ reason }) => reason);
}

function kinds(view: ClusterView): readonly Action["kind"][] {
  return [...new Set(plan(view, SPEC).actions.map(({ kind }) => kind))];
}

function flags(...names: readonly NodeFlag[]): ReadonlySet<NodeFlag> {
  return new Set(names);
}

describe("plan for a formed cluster", () => {
  it("does nothing when all is well", () => {
    expect(plan(formed().view(), SPEC)).toMatchObject({ actions: [], waits: [], problems: [], isSettled: true });
  });

  it("leaves a cluster alone that somebody else laid out otherwise", () => {
    const cluster = formed();
    const view = cluster.view();
    const pods = view.pods.map((pod) => ({ ...pod, shard: pod.ordinal === 0 ? 0 : 1 }));
    const next = plan({ pods: pods.map((pod, index) => ({ ...pod, ordinal: index })) }, SPEC);
    expect(next.actions).toEqual([]);
    expect(next.problems.map(({ reason }) => reason)).toEqual(["SeveralPrimaries"]);
  });

  it("does not assign slots that nobody owns once a shard holds something else than its share", () => {
    const cluster = formed();
    const [first] = cluster.nodes;
    if (first !== undefined) first.slots = [{ start: 0, end: 99 }];
    cluster.gossip();
    const next = plan(cluster.view(), SPEC);
    expect(next.actions).toEqual([]);
    expect(next.problems[0]?.message).toBe("5361 slots have no owner: 100-5460");
  });

  it("does not assign slots to a shard whose pods hold keys", () => {
    const fresh = new SimulatedCluster(3, 0);
    for (let round = 0; round < 2; round++) {
      for (const action of plan(fresh.view(), SPEC).actions) fresh.apply(action);
      fresh.gossip();
    }
    expect(kinds(fresh.view())).toEqual(["AddSlots"]);
    expect(reasons(changeInfo(fresh.view(), "kv-1-0", { keys: 7 }))).toEqual(["DataWithoutSlots"]);
  });

  it("waits with the slots until every pod answers, has loaded and knows the others", () => {
    const fresh = new SimulatedCluster(3, 1);
    for (let round = 0; round < 2; round++) {
      for (const action of plan(fresh.view(), SPEC).actions) fresh.apply(action);
      fresh.gossip();
    }
    expect(kinds(fresh.view())).toEqual(["AddSlots"]);
    const silent = plan(change(fresh.view(), "kv-2-1", { node: undefined }), SPEC);
    expect([silent.actions, silent.waits]).toEqual([
      [],
      ['Waiting for pod "kv-2-1" to answer', 'Slots wait for pod "kv-2-1" to answer'],
    ]);
    expect(kinds(changeInfo(fresh.view(), "kv-2-1", { isLoading: true }))).toEqual([]);
    const cut = changeEntry(fresh.view(), "kv-0-0", nodeOf(fresh.view(), "kv-1-0").id, { isLinkConnected: false });
    expect(kinds(cut)).toEqual([]);
  });
});

describe("plan for stale addresses", () => {
  it("meets a failed entry again where its node answers now, and forgets nothing", () => {
    const view = formed().view();
    const { id } = nodeOf(view, "kv-1-1");
    const stale = changeEntry(view, "kv-0-0", id, {
      ip: "10.9.9.9",
      flags: flags("slave", "fail"),
      isLinkConnected: false,
    });
    const next = plan(stale, SPEC);
    expect(next.actions.length).toBeGreaterThan(0);
    expect(next.actions.every(({ kind }) => kind === "Meet")).toBe(true);
    expect(next.actions).toContainEqual(expect.objectContaining({ pod: "kv-0-0", peer: "kv-1-1" }));
  });

  it("meets an entry without address again", () => {
    const view = formed().view();
    const { id } = nodeOf(view, "kv-2-0");
    expect(kinds(changeEntry(view, "kv-0-1", id, { ip: "", port: 0, flags: flags("master", "noaddr") }))).toEqual([
      "Meet",
    ]);
  });

  it("does not meet a failed entry whose address is right: its flag passes by itself", () => {
    const view = formed().view();
    const next = plan(changeEntry(view, "kv-0-0", nodeOf(view, "kv-1-1").id, { flags: flags("slave", "fail") }), SPEC);
    expect([next.actions, next.waits]).toEqual([[], ["kv-0-0 connects to kv-1-1"]]);
  });

  it("repeats REPLICATE where the link still points at the primary's old address", () => {
    const view = changeInfo(formed().view(), "kv-0-1", { isPrimaryLinkUp: false, primaryHost: "10.9.9.9" });
    expect(plan(view, SPEC).actions).toMatchObject([{ kind: "Replicate", pod: "kv-0-1", primary: "kv-0-0" }]);
    const syncing = changeInfo(formed().view(), "kv-0-1", { isPrimaryLinkUp: false, isFullSyncRunning: true });
    expect(plan(syncing, SPEC)).toMatchObject({ actions: [], waits: ["kv-0-1 copies the data of its primary"] });
  });
});

describe("plan for replicas", () => {
  it("makes a replica of another shard follow its own", () => {
    const view = formed().view();
    const self = nodeOf(view, "kv-0-1").id;
    const strayed = changeEntry(view, "kv-0-1", self, { primaryId: nodeOf(view, "kv-2-0").id });
    expect(plan(strayed, SPEC).actions).toMatchObject([{ kind: "Replicate", pod: "kv-0-1", primary: "kv-0-0" }]);
  });

  it("does not tell a primary with keys to drop them", () => {
    const view = formed().view();
    const self = nodeOf(view, "kv-0-1").id;
    const primary = changeEntry(view, "kv-0-1", self, { primaryId: undefined, flags: flags("myself", "master") });
    expect(plan(primary, SPEC)).toMatchObject({ actions: [], problems: [{ reason: "DataWithoutSlots" }] });
    expect(kinds(changeInfo(primary, "kv-0-1", { keys: 0 }))).toEqual(["Replicate"]);
  });
});

describe("plan for lost primaries", () => {
  /** Two of three primaries do not run, their replicas have noticed. */
  function mostLost(process: PodView["process"] = "Gone", downSeconds = 60): ClusterView {
    let view = formed(2).view();
    for (const shard of [0, 1]) {
      view = change(view, `kv-${shard}-0`, { process, address: undefined, node: undefined });
      for (const ordinal of [1, 2]) {
        const down = { isPrimaryLinkUp: false, primaryLinkDownSeconds: downSeconds };
        view = changeInfo(view, `kv-${shard}-${ordinal}`, down);
      }
    }
    return view;
  }

  it("leaves the election to the servers while most primaries live", () => {
    const view = change(formed(2).view(), "kv-0-0", { process: "Gone", address: undefined, node: undefined });
    const next = plan(view, SPEC);
    expect(next.actions).toEqual([]);
    expect(next.waits).toContain("Servers elect a primary for 5461 slots");
  });

  it("promotes the replica with the highest offset, one shard a pass", () => {
    const view = changeInfo(mostLost(), "kv-0-2", { replicationOffset: 999 });
    expect(plan(view, SPEC).actions).toMatchObject([{ kind: "Takeover", pod: "kv-0-2" }]);
  });

  it("waits before it promotes", () => {
    const next = plan(mostLost("Gone", 29), SPEC);
    expect(next.actions).toEqual([]);
    expect(next.waits.join()).toContain("before a replica takes over");
  });

  it.each(["Running", "Unknown"] as const)("promotes nobody while the primary's process is %s", (process) => {
    expect(plan(mostLost(process), SPEC).actions).toEqual([]);
    expect(reasons(mostLost(process))).toEqual(["TakeoverUnsafe", "TakeoverUnsafe"]);
  });

  it("promotes nobody while a copy that may be better does not answer", () => {
    const view = change(mostLost(), "kv-0-2", { process: "Gone", address: undefined, node: undefined });
    const next = plan(view, SPEC);
    expect(next.actions).toMatchObject([{ kind: "Takeover", pod: "kv-1-1" }]);
    expect(next.problems.map(({ reason }) => reason)).toEqual(["TakeoverUnsafe"]);
  });

  it("reports slots whose owner has neither process nor replica", () => {
    const view = change(formed(0).view(), "kv-0-0", { process: "Gone", address: undefined, node: undefined });
    const next = plan(view, SPEC);
    expect(next.actions).toEqual([]);
    expect(next.problems.map(({ reason }) => reason)).toEqual(["SlotsWithoutNode"]);
  });
});

describe("plan for a shard that shrinks", () => {
  const smaller = { ...SPEC, replicasPerShard: 1 };

  /** Shard 0 is led by the pod that the smaller spec removes. */
  function ledByLast(): SimulatedCluster {
    const cluster = formed(2);
    cluster.apply({ kind: "Failover", pod: "kv-0-2", from: "kv-0-0" });
    for (let round = 0; round < 5; round++) {
      cluster.gossip();
      for (const action of plan(cluster.view(), SPEC).actions) cluster.apply(action);
    }
    return cluster;
  }

  it("lets a replica that stays take over from a leaving primary, and allows to shrink only then", () => {
    const cluster = ledByLast();
    const next = plan(cluster.view(), smaller);
    expect(next.actions).toEqual([{ kind: "Failover", pod: "kv-0-0", from: "kv-0-2" }]);
    expect([0, 1, 2].map((shard) => canShrink(next.survey, shard, 1))).toEqual([false, true, true]);
    for (const action of next.actions) cluster.apply(action);
    cluster.gossip();
    expect(canShrink(plan(cluster.view(), smaller).survey, 0, 1)).toBe(true);
  });

  it("waits while no replica that stays has the data", () => {
    let view = ledByLast().view();
    for (const pod of ["kv-0-0", "kv-0-1"]) view = changeInfo(view, pod, { isPrimaryLinkUp: false });
    const next = plan(view, smaller);
    expect(next.actions).toEqual([]);
    expect(next.waits).toContain("kv-0-2 leaves once a replica that stays has its data");
  });

  it("does not allow to shrink a shard whose leader does not answer", () => {
    const view = change(ledByLast().view(), "kv-0-2", { address: undefined, node: undefined });
    expect(canShrink(plan(view, smaller).survey, 0, 1)).toBe(false);
  });
});

describe("plan for servers that do not say the same yet", () => {
  it.each([
    [
      "sees the cluster down",
      (view: ClusterView) => withState(view, false),
      "kv-2-1 waits until it sees the whole cluster",
    ],
    [
      "misses slots of another shard",
      (view: ClusterView) => changeEntry(view, "kv-2-1", nodeOf(view, "kv-0-0").id, { slots: [] }),
      "kv-2-1 learns which slots kv-0-0 serves",
    ],
    [
      "takes a replica for a primary",
      (view: ClusterView) => changeEntry(view, "kv-2-1", nodeOf(view, "kv-1-1").id, { primaryId: undefined }),
      "kv-2-1 learns whom kv-1-1 follows",
    ],
  ])("waits while one of them %s", (_what, disagree, wait) => {
    expect(plan(disagree(formed().view()), SPEC)).toMatchObject({ actions: [], waits: [wait], isSettled: false });
  });

  function withState(view: ClusterView, isOk: boolean): ClusterView {
    return change(view, "kv-2-1", { node: { cluster: { ...nodeOf(view, "kv-2-1").cluster, isOk } } });
  }
});

describe("plan for gone nodes", () => {
  const GONE = "gone000000000000";

  function withGone(view: ClusterView, changes: Partial<NodeEntry>): ClusterView {
    const [template] = nodeOf(view, "kv-0-1").entries.filter((entry) => !entry.flags.has("myself"));
    if (template === undefined) throw new Error("no entry");
    const gone = { ...template, id: GONE, ip: "10.9.9.9", slots: [], isLinkConnected: false, ...changes };
    const pods = ["kv-0-0", "kv-2-1"];
    return pods.reduce(
      (all, pod) => change(all, pod, { node: { entries: [...nodeOf(all, pod).entries, gone] } }),
      view,
    );
  }

  it("forgets a failed stranger everywhere it is known, once every pod answers", () => {
    const view = withGone(formed().view(), { flags: flags("slave", "fail") });
    expect(plan(view, SPEC).actions).toEqual([
      { kind: "Forget", pod: "kv-0-0", nodeId: GONE },
      { kind: "Forget", pod: "kv-2-1", nodeId: GONE },
    ]);
    expect(kinds(change(view, "kv-1-1", { node: undefined }))).toEqual([]);
  });

  it.each([
    ["is only suspected", { flags: flags("slave", "fail?") }],
    ["is in handshake", { flags: flags("handshake") }],
    ["is healthy", { flags: flags("slave"), isLinkConnected: true }],
    ["owns slots", { flags: flags("master", "fail"), slots: [{ start: 0, end: 5460 }], configEpoch: 99 }],
  ] as const)("keeps a stranger that %s", (_what, changes) => {
    expect(kinds(withGone(formed().view(), changes))).not.toContain("Forget");
  });

  it("keeps a node that a pod still follows", () => {
    const view = withGone(formed().view(), { flags: flags("master", "fail") });
    const self = nodeOf(view, "kv-1-1").id;
    const following = changeEntry(view, "kv-1-1", self, { primaryId: GONE });
    expect(kinds(following)).toEqual(["Replicate"]);
    // It cannot follow its own primary yet, because it still takes that one for a replica.
    const primary = nodeOf(view, "kv-1-0").id;
    expect(kinds(changeEntry(following, "kv-1-1", primary, { primaryId: GONE }))).toEqual([]);
  });
});
