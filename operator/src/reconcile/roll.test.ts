import { describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { exampleCluster } from "../resources/example-cluster.ts";
import { fingerprint } from "../resources/fingerprint.ts";
import type { Manifest } from "../resources/manifest.ts";
import { serverConfig } from "../resources/server-config.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, keysOf, until, worlds } from "./simulated-life.ts";

const startWorld = worlds();

async function start(spec: Readonly<Record<string, unknown>> = {}): Promise<SimulatedKubernetes> {
  const seen = await startWorld(spec);
  await seen.settle();
  for (let count = 0; count < 20; count++) seen.servers.write();
  seen.tick();
  return seen;
}

const edit = (seen: SimulatedKubernetes, spec: object) => seen.server.change(seen.cluster(), { spec });
const restartsOf = (seen: SimulatedKubernetes) =>
  seen.server.writes.flatMap(({ method, path }) =>
    method === "DELETE" && path.includes("/pods/") ? [path.slice(path.lastIndexOf("/") + 1)] : [],
  );

const isRolled = (seen: SimulatedKubernetes) => () =>
  conditionIn(seen, "UpToDate") === "True Current" && conditionIn(seen, "Ready") === "True Serving";

describe("a new image", () => {
  it("restarts replicas first, then hands each shard over and restarts its old primary, with the reason in events", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    const keys = keysOf(seen);
    edit(seen, { image: "kv-server:2" });
    await until(seen, () => restartsOf(seen).length > 0);
    expect(conditionIn(seen, "UpToDate")).toBe("False RestartPending");
    await until(seen, isRolled(seen));
    expect(restartsOf(seen)).toEqual(["kv-0-1", "kv-1-1", "kv-2-1", "kv-0-0", "kv-1-0", "kv-2-0"]);
    const failovers = seen.actions.filter(({ kind }) => kind === "Failover").map(({ pod }) => pod);
    expect(failovers).toEqual(["kv-0-1", "kv-1-1", "kv-2-1"]);
    expect(keysOf(seen)).toBe(keys);
    const notes = seen.events.filter(({ reason }) => reason === "PodRestarted").map(({ note }) => note);
    expect(notes[0]).toBe('Pod "kv-0-1" restarts to take on: image');
    expect(notes).toHaveLength(6);
  });

  it("is rolled by the live roles, whatever the ordinals", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 2 });
    seen.servers.apply({ kind: "Failover", pod: "kv-1-2", from: "kv-1-0" });
    await seen.settle();
    edit(seen, { image: "kv-server:2" });
    await until(seen, isRolled(seen));
    const restarts = restartsOf(seen);
    expect(restarts).toHaveLength(9);
    expect(restarts.slice(-3)).toEqual(["kv-0-0", "kv-1-2", "kv-2-0"]);
  });

  it("touches one pod at a time: none while another is not ready again", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    edit(seen, { image: "kv-server:2" });
    for (let round = 0; round < 60; round++) {
      const before = restartsOf(seen).length;
      const isWhole = seen.servers.nodes.every(({ slots, linkUp }) => slots.length > 0 || linkUp);
      await seen.pass();
      expect(restartsOf(seen).length - before).toBeLessThanOrEqual(isWhole ? 1 : 0);
      seen.tick();
    }
    expect(restartsOf(seen)).toHaveLength(6);
  });

  it("that cannot start stops the roll, and a later good one goes on with it", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    edit(seen, { image: "kv-server:broken" });
    await until(seen, () => restartsOf(seen).length === 1);
    const replica = seen.servers.nodes.find(({ pod }) => pod === "kv-0-1");
    if (replica === undefined) throw new Error("no replica");
    seen.tick();
    seen.servers.kill(replica);
    for (let round = 0; round < 10; round++) {
      seen.tick();
      await seen.pass();
    }
    expect(restartsOf(seen)).toEqual(["kv-0-1"]);
    expect(conditionIn(seen, "Degraded")).toBe("True ServersNotReady");
    edit(seen, { image: "kv-server:3" });
    await until(seen, isRolled(seen));
    expect(restartsOf(seen).slice(0, 3)).toEqual(["kv-0-1", "kv-0-1", "kv-1-1"]);
  });

  it("restarts a primary without replicas where its data stays, and not where it would be lost", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 0 });
    edit(seen, { image: "kv-server:2" });
    await until(seen, isRolled(seen));
    expect(restartsOf(seen)).toEqual(["kv-0-0", "kv-1-0", "kv-2-0"]);
    const other = await start({ shards: 3, replicasPerShard: 0, storage: { type: "Ephemeral" } });
    edit(other, { image: "kv-server:2" });
    for (let round = 0; round < 10; round++) {
      other.tick();
      await other.pass();
    }
    expect(restartsOf(other)).toEqual([]);
    expect(JSON.stringify(other.cluster().status)).toContain("kv-0-0 is not restarted: its data would be lost");
    expect(conditionIn(other, "UpToDate")).toBe("False RestartPending");
  });

  it("waits for approval before primaries are touched, where that is asked for", async () => {
    const seen = await start({ disruption: { updateStrategy: "Supervised" } });
    edit(seen, { image: "kv-server:2" });
    await until(seen, () => restartsOf(seen).length === 3);
    for (let round = 0; round < 10; round++) {
      seen.tick();
      await seen.pass();
    }
    expect(restartsOf(seen)).toEqual(["kv-0-1", "kv-1-1", "kv-2-1"]);
    expect(JSON.stringify(seen.cluster().status)).toContain("kv-0-0 is a primary and waits for approval");
    const annotations = { "kvcluster.dev/approved-generation": `${seen.cluster().metadata.generation}` };
    seen.server.change(seen.cluster(), { metadata: { annotations } });
    await until(seen, isRolled(seen));
    expect(restartsOf(seen)).toHaveLength(6);
    edit(seen, { image: "kv-server:3" });
    await until(seen, () => restartsOf(seen).length === 9);
    for (let round = 0; round < 10; round++) {
      seen.tick();
      await seen.pass();
    }
    expect(restartsOf(seen)).toHaveLength(9);
  });

  it("is rolled to the end though the operator dies after every pass, and sometimes in the middle of one", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    const keys = keysOf(seen);
    edit(seen, { image: "kv-server:2" });
    for (let round = 0; round < 60; round++) {
      seen.tick();
      if (round % 3 === 1) seen.server.refuse({ method: "PATCH", path: /status|pods/, status: 500 });
      await seen.pass().catch(() => undefined);
      seen.restartOperator();
    }
    await until(seen, isRolled(seen));
    expect(restartsOf(seen)).toHaveLength(6);
    expect(keysOf(seen)).toBe(keys);
  });
});

describe("a restart", () => {
  it("is asked for by an annotation", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    const annotations = { "kvcluster.dev/restart": "2026-01-01" };
    seen.server.change(seen.cluster(), { metadata: { annotations } });
    await until(seen, isRolled(seen));
    await seen.settle();
    expect(restartsOf(seen)).toHaveLength(6);
    expect(seen.events.find(({ reason }) => reason === "PodRestarted")?.note).toContain("restart annotation");
  });

  it("does not follow from what is no business of servers, nor from a newer operator's pod template", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    edit(seen, { disruption: { terminationGracePeriodSeconds: 90 }, storage: { size: "2Gi" } });
    for (const set of seen.server.list<Manifest>(RESOURCE_KINDS.StatefulSet, CLUSTER.namespace)) {
      seen.server.setStatus(set, { observedGeneration: set.metadata.generation, updateRevision: "newer" });
    }
    await seen.settle();
    expect(restartsOf(seen)).toEqual([]);
    expect(conditionIn(seen, "UpToDate")).toBe("True Current");
  });

  it("does not follow from an upgrade of an operator that did not note what pods were made with", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    const hash = fingerprint(serverConfig(exampleCluster({ shards: 3, replicasPerShard: 1 })));
    const annotations = { "kvcluster.dev/restart-inputs": null, "kvcluster.dev/config-hash": hash };
    for (const pod of seen.pods()) seen.server.change(pod, { metadata: { annotations } });
    await seen.settle();
    expect(restartsOf(seen)).toEqual([]);
    edit(seen, { config: { databases: "4" } });
    await until(seen, () => conditionIn(seen, "UpToDate") === "True Current");
    expect(restartsOf(seen)).toHaveLength(6);
  });

  it("does not happen while paused", async () => {
    const seen = await start({ shards: 3, replicasPerShard: 1 });
    edit(seen, { image: "kv-server:2", paused: true });
    for (let round = 0; round < 5; round++) {
      seen.tick();
      await seen.pass();
    }
    expect(restartsOf(seen)).toEqual([]);
  });
});
