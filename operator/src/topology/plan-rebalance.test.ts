// Single situations of a cluster that has to move slots. What follows over time is in plan-rebalance.property.test.ts.
import { describe, expect, it } from "vitest";
import { loadsOf, nextMove, slotsToMove } from "./balance.ts";
import type { ClusterView, NodeObservation, PodView } from "./cluster-view.ts";
import { surveyCluster } from "./cluster-view.ts";
import { plan } from "./plan.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";

const SPEC = {
  ...{ shards: 3, replicasPerShard: 1, isFormed: true },
  ...{ isEphemeral: false, isBackupRunning: false, takeoverAfterSeconds: 30 },
};
const LARGER = { ...SPEC, shards: 4 };

/** Three shards that serve, and a fourth whose servers have joined and own nothing. */
function joined(): ClusterView {
  const cluster = new SimulatedCluster(3, 1);
  const run = (spec: typeof SPEC, rounds: number): void => {
    for (let round = 0; round < rounds; round++) {
      const { actions } = plan(cluster.view(), spec);
      for (const action of actions) if (action.kind !== "MigrateSlots") cluster.apply(action);
      cluster.gossip();
    }
  };
  run({ ...SPEC, isFormed: false }, 20);
  cluster.write();
  cluster.addShard(3);
  run(LARGER, 10);
  return cluster.view();
}

function change(
  view: ClusterView,
  pod: string,
  with_: (node: NodeObservation) => Partial<NodeObservation>,
): ClusterView {
  const changed = (one: PodView): PodView =>
    one.pod === pod && one.node !== undefined ? { ...one, node: { ...one.node, ...with_(one.node) } } : one;
  return { pods: view.pods.map(changed) };
}

describe("planRebalance", () => {
  it("moves the last slots of the fullest shard to the emptiest", () => {
    const { actions } = plan(joined(), LARGER);
    expect(actions).toMatchObject([{ kind: "MigrateSlots", target: "kv-3-0" }]);
    expect(plan(joined(), SPEC)).toMatchObject({ actions: [], waits: ["Shard 3 is removed"] });
  });

  it("waits for a backup, for a copy in the shard that gets slots, and for it to load", () => {
    const view = joined();
    const waitsOf = (seen: ClusterView, spec = LARGER) => plan(seen, spec).waits;
    expect(waitsOf(view, { ...LARGER, isBackupRunning: true })).toContain(
      "Slots move when the backup or restore that is running is done",
    );
    const without = { pods: view.pods.filter(({ pod }) => pod !== "kv-3-1") };
    expect(waitsOf(without)).toContain("Slots wait for a replica of kv-3-0");
    const loading = change(view, "kv-3-0", ({ info }) => ({ info: { ...info, isLoading: true } }));
    expect(waitsOf(loading)).toContain("Slots wait for kv-3-0 to load its data");
  });

  it("leaves slots alone that somebody moves by hand, and says so", () => {
    const view = change(joined(), "kv-0-0", ({ entries }) => ({
      entries: entries.map((entry) =>
        entry.flags.has("myself")
          ? { ...entry, openSlots: [{ slot: 7, direction: "migrating" as const, nodeId: "x" }] }
          : entry,
      ),
    }));
    expect(plan(view, LARGER)).toMatchObject({ actions: [] });
    expect(plan(view, LARGER).waits).toContain("Slot 7 is migrating at kv-0-0");
  });

  it("says that servers cannot move slots, and gives none to a server that holds keys", () => {
    const view = joined();
    const old = {
      pods: view.pods.map((pod) => (pod.node ? { ...pod, node: { ...pod.node, migrations: undefined } } : pod)),
    };
    expect(plan(old, LARGER).problems.map(({ reason }) => reason)).toEqual(["SlotsImmovable"]);
    const filled = change(view, "kv-3-0", ({ info }) => ({ info: { ...info, keys: 5 } }));
    expect(plan(filled, LARGER).problems.map(({ reason }) => reason)).toEqual(["DataWithoutSlots"]);
  });

  it("moves nothing where shares differ by less than a percent", () => {
    const survey = surveyCluster(joined());
    const loads = (loadsOf(survey, 3) ?? []).filter(({ index }) => index < 3);
    const uneven = loads.map((load, place) => ({ ...load, surplus: [50, -50, 0][place] ?? 0 }));
    expect(slotsToMove(uneven, 3)).toBe(0);
    expect(nextMove(uneven, 3)).toBeUndefined();
    const more = loads.map((load, place) => ({ ...load, surplus: [60, -60, 0][place] ?? 0 }));
    expect(slotsToMove(more, 3)).toBe(60);
    expect(nextMove(more, 3)).toMatchObject({ from: 0, to: 1 });
  });
});
