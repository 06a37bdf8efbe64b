import { describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { decodeData, type Manifest } from "../resources/manifest.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, worlds } from "./simulated-life.ts";

const start = worlds();

function statusOf(world: SimulatedKubernetes) {
  return world.cluster().status as {
    phase: string;
    ready: string;
    slotsAssigned: number;
    message: string;
    shardStatus: { primary?: string }[];
  };
}

function roles(world: SimulatedKubernetes): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    world.pods().map(({ metadata }) => [metadata.name, metadata.labels?.["kvcluster.dev/role"]]),
  );
}

function find(world: SimulatedKubernetes, kind: keyof typeof RESOURCE_KINDS, name: string): Manifest | undefined {
  return world.server.find<Manifest>(RESOURCE_KINDS[kind], CLUSTER.namespace, name);
}

function nodeOf(world: SimulatedKubernetes, pod: string) {
  const node = world.servers.nodes.find((one) => one.pod === pod);
  if (node === undefined) throw new Error(`no server ${pod}`);
  return node;
}

describe("cluster reconciler", () => {
  it("forms a new cluster from its manifest and reports it ready", async () => {
    const world = await start({ shards: 3, replicasPerShard: 1 });
    await world.settle();
    expect(statusOf(world)).toMatchObject({ phase: "Ready", ready: "6/6", slotsAssigned: 16384 });
    expect(statusOf(world).shardStatus.map(({ primary }) => primary)).toEqual(["kv-0-0", "kv-1-0", "kv-2-0"]);
    expect(roles(world)).toEqual({
      "kv-0-0": "primary",
      "kv-0-1": "replica",
      "kv-1-0": "primary",
      "kv-1-1": "replica",
      "kv-2-0": "primary",
      "kv-2-1": "replica",
    });
    const kinds = world.actions.map(({ kind }) => kind).filter((kind, index, all) => kind !== all[index - 1]);
    expect(kinds).toEqual(["SetConfigEpoch", "Meet", "AddSlots", "Replicate"]);
    expect(world.events.map(({ reason }) => reason)).toContain("Ready");
  });

  it("forms a cluster though the operator dies after every pass, and sometimes in the middle of one", async () => {
    const world = await start({ shards: 3, replicasPerShard: 1 });
    for (let round = 0; round < 30; round++) {
      world.tick();
      const isFatal = round % 3 === 1;
      if (isFatal) world.server.refuse({ method: "PATCH", path: /status|pods/, status: 500 });
      await world.pass().catch(() => undefined);
      world.restartOperator();
    }
    await world.settle();
    expect(statusOf(world)).toMatchObject({ phase: "Ready", ready: "6/6", slotsAssigned: 16384 });
    expect([...world.passwords]).toEqual(["generated"]);
    const slots = world.actions.filter(({ kind }) => kind === "AddSlots").map(({ pod }) => pod);
    expect(slots).toEqual([...new Set(slots)]);
  });

  it("writes nothing when it starts again beside a settled cluster", async () => {
    const world = await start();
    await world.settle();
    const [version, events] = [world.server.resourceVersion, world.events.length];
    world.restartOperator();
    for (let round = 0; round < 3; round++) {
      world.tick();
      await world.pass();
    }
    expect(world.server.resourceVersion).toBe(version);
    expect(world.events.length).toBe(events);
  });

  it("writes nothing once settled", async () => {
    const world = await start();
    await world.settle();
    const [version, events] = [world.server.resourceVersion, world.events.length];
    const writes = world.server.writes.length;
    for (let round = 0; round < 5; round++) {
      world.servers.write();
      world.tick();
      expect(await world.pass()).toEqual({ requeueAfterMs: 30_000 });
    }
    expect(world.server.resourceVersion).toBe(version);
    expect(world.server.writes.length).toBe(writes);
    expect(world.events.length).toBe(events);
  });

  it("generates the password once and gives it to servers, applications and itself", async () => {
    const world = await start();
    await world.settle();
    expect(decodeData(find(world, "Secret", "kv-auth")?.data, "password")).toBe("generated");
    expect(decodeData(find(world, "Secret", "kv-server-auth")?.data, "auth.conf")).toContain('requirepass "generated"');
    expect(decodeData(find(world, "Secret", "kv-connection")?.data, "uri")).toContain("default:generated@");
    expect([...world.passwords]).toEqual(["generated"]);
    const versionOf = () => find(world, "Secret", "kv-auth")?.metadata.resourceVersion;
    const version = versionOf();
    world.server.change(world.cluster(), { spec: { replicasPerShard: 0 } });
    await world.pass();
    expect(versionOf()).toBe(version);
  });

  it("takes the password from the user's Secret, and says so when it is not there", async () => {
    const world = await start({ auth: { passwordSecretRef: { name: "mine", key: "pw" } } });
    expect(await world.pass()).toEqual({ requeueAfterMs: 30_000 });
    expect(conditionIn(world, "Ready")).toBe("False PasswordMissing");
    expect(statusOf(world).message).toBe('Secret "mine" of spec.auth does not exist');
    expect(find(world, "StatefulSet", "kv-0")).toBeUndefined();
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "mine", namespace: CLUSTER.namespace } };
    world.server.seed({ ...secret, data: { pw: Buffer.from("theirs\n").toString("base64") } } as KubernetesObject);
    await world.settle();
    expect(conditionIn(world, "Ready")).toBe("True Serving");
    expect([...world.passwords]).toEqual(["theirs"]);
    expect(find(world, "Secret", "kv-auth")).toBeUndefined();
  });

  it("keeps the password that servers run with when the user's Secret goes, and says so", async () => {
    const world = await start({ auth: { passwordSecretRef: { name: "mine", key: "pw" } } });
    const metadata = { name: "mine", namespace: CLUSTER.namespace };
    const mine = { apiVersion: "v1", kind: "Secret", metadata, data: { pw: Buffer.from("old").toString("base64") } };
    world.server.seed(mine);
    await world.settle();
    world.server.remove(mine);
    await world.settle();
    expect([...world.passwords]).toEqual(["old"]);
    expect(conditionIn(world, "UpToDate")).toBe("False PasswordDiffers");
  });

  it("makes the generated Secret again with the same password when somebody deleted it", async () => {
    const world = await start();
    await world.settle();
    const secret = find(world, "Secret", "kv-auth");
    const inUse = Buffer.from("in use").toString("base64");
    world.server.change(find(world, "Secret", "kv-server-auth") as Manifest, { data: { password: inUse } });
    if (secret !== undefined) world.server.remove(secret);
    await world.pass();
    expect(decodeData(find(world, "Secret", "kv-auth")?.data, "password")).toBe("in use");
  });

  it("does not take the password of a namesake's Secret", async () => {
    const world = await start();
    const metadata = { name: "kv-auth", namespace: CLUSTER.namespace };
    const data = { password: Buffer.from("theirs").toString("base64") };
    world.server.seed({ apiVersion: "v1", kind: "Secret", metadata, data } as KubernetesObject);
    await world.pass();
    expect(conditionIn(world, "Ready")).toBe("False NameTaken");
    expect(find(world, "Secret", "kv-server-auth")).toBeUndefined();
  });

  it("does not touch an object of the same name that belongs to somebody else", async () => {
    const world = await start();
    const foreign = { apiVersion: "v1", kind: "Service", metadata: { name: "kv", namespace: CLUSTER.namespace } };
    world.server.seed(foreign);
    await world.pass();
    expect(conditionIn(world, "Ready")).toBe("False NameTaken");
    expect(find(world, "ConfigMap", "kv-config")).toBeUndefined();
    expect(find(world, "Service", "kv")?.spec).toBeUndefined();
  });

  it("repairs a child that somebody changed", async () => {
    const world = await start();
    await world.settle();
    const service = find(world, "Service", "kv-write");
    if (service !== undefined) world.server.change(service, { spec: { sessionAffinity: "ClientIP" } });
    await world.pass();
    expect(find(world, "Service", "kv-write")?.spec).toMatchObject({ sessionAffinity: "None" });
  });

  it("shrinks a shard only after a leading pod that goes has handed over", async () => {
    const world = await start({ replicasPerShard: 2 });
    await world.settle();
    world.servers.apply({ kind: "Failover", pod: "kv-1-2", from: "kv-1-0" });
    await world.settle();
    expect(roles(world)).toMatchObject({ "kv-1-2": "primary" });
    world.server.change(world.cluster(), { spec: { replicasPerShard: 1 } });
    await world.pass();
    const replicas = () => ["kv-0", "kv-1"].map((name) => find(world, "StatefulSet", name)?.spec?.replicas);
    expect(replicas()).toEqual([2, 3]);
    world.tick();
    await world.pass();
    expect(replicas()).toEqual([2, 2]);
    expect(world.actions.at(-1)).toMatchObject({ kind: "Failover", pod: "kv-1-0", from: "kv-1-2" });
  });

  it("shrinks at once while nobody owns slots, or a pod that cannot start would hold up the forming for ever", async () => {
    const world = await start({ replicasPerShard: 1 });
    nodeOf(world, "kv-1-1").isSilent = true;
    for (let round = 0; round < 4; round++) {
      world.tick();
      await world.pass();
    }
    expect(statusOf(world).message).toContain('pod "kv-1-1"');
    world.server.change(world.cluster(), { spec: { replicasPerShard: 0 } });
    await world.pass();
    expect(find(world, "StatefulSet", "kv-1")?.spec?.replicas).toBe(1);
  });

  it("does not form a cluster again whose volumes all came up empty", async () => {
    const world = await start();
    await world.settle();
    for (const node of world.servers.nodes) world.servers.restartEmpty(node);
    const before = world.actions.length;
    for (let round = 0; round < 8; round++) {
      world.tick();
      await world.pass();
    }
    expect(world.actions.slice(before).map(({ kind }) => kind)).not.toContain("AddSlots");
    expect(conditionIn(world, "Degraded")).toBe("True SlotsUnassigned");
    expect(statusOf(world).message).toContain("are their volumes the right ones?");
  });

  it("forms a cluster without volumes again when all its pods are new", async () => {
    const world = await start({ storage: { type: "Ephemeral" } });
    await world.settle();
    for (const node of world.servers.nodes) world.servers.restartEmpty(node);
    await world.settle();
    expect(statusOf(world)).toMatchObject({ phase: "Ready", slotsAssigned: 16384 });
  });

  it("gives the slots of a shard that lost its only pod to the new one, where data goes with pods", async () => {
    const world = await start({ replicasPerShard: 0, storage: { type: "Ephemeral" } });
    await world.settle();
    world.servers.restartEmpty(nodeOf(world, "kv-1-0"));
    const before = world.actions.length;
    await world.settle();
    expect(statusOf(world)).toMatchObject({ phase: "Ready", slotsAssigned: 16384 });
    expect(world.actions.slice(before).filter(({ kind }) => kind === "AddSlots")).toEqual([
      { kind: "AddSlots", pod: "kv-1-0", ranges: [{ start: 5461, end: 10921 }] },
    ]);
  });

  it("leaves the slots of a shard that lost its only volume alone, and says so", async () => {
    const world = await start({ replicasPerShard: 0 });
    await world.settle();
    world.servers.restartEmpty(nodeOf(world, "kv-1-0"));
    const before = world.actions.length;
    for (let round = 0; round < 12; round++) {
      world.tick();
      await world.pass();
    }
    const kinds = world.actions.slice(before).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "Forget" || kind === "AddSlots")).toEqual([]);
    expect(conditionIn(world, "Degraded")).toBe("True SlotsWithoutNode");
  });

  it("labels no successor of a pod that it knew, and does not fail when there is none", async () => {
    const world = await start();
    await world.settle();
    world.servers.apply({ kind: "Failover", pod: "kv-0-1", from: "kv-0-0" });
    world.tick();
    world.server.refuse({ method: "PATCH", path: /pods\/kv-0-0/, status: 404 });
    await world.pass();
    expect(roles(world)).toMatchObject({ "kv-0-1": "primary" });
    const patches = world.server.writes.filter(({ path }) => path.includes("/pods/kv-0-1"));
    expect(patches.at(-1)?.body).toMatchObject({ metadata: { uid: expect.any(String) } });
  });

  it("removes the disruption budgets when they are disabled", async () => {
    const world = await start();
    await world.settle();
    expect(find(world, "PodDisruptionBudget", "kv-0")).toBeDefined();
    world.server.change(world.cluster(), { spec: { disruption: { podDisruptionBudget: "Disabled" } } });
    await world.pass();
    expect(find(world, "PodDisruptionBudget", "kv-0")).toBeUndefined();
    expect(find(world, "StatefulSet", "kv-0")).toBeDefined();
  });

  it("moves the write Service's label with the primary and tells of the change", async () => {
    const world = await start();
    await world.settle();
    world.servers.kill(nodeOf(world, "kv-0-0"));
    for (let round = 0; round < 4; round++) {
      world.tick();
      await world.pass();
    }
    expect(roles(world)).toMatchObject({ "kv-0-0": undefined, "kv-0-1": "primary" });
    expect(conditionIn(world, "Degraded")).toBe("True ServersNotReady");
    world.servers.restart(nodeOf(world, "kv-0-0"));
    await world.settle();
    expect(roles(world)).toMatchObject({ "kv-0-0": "replica", "kv-0-1": "primary" });
    const notes = world.events.map(({ reason, note }) => `${reason}: ${note}`);
    expect(notes).toContain('PrimaryChanged: Pod "kv-0-1" is now the primary of shard 0, it was "kv-0-0"');
    expect(conditionIn(world, "Degraded")).toBe("False Complete");
  });

  it("reports an unreachable server once, waits longer and longer, and tells the others nothing", async () => {
    const world = await start();
    await world.settle();
    nodeOf(world, "kv-1-1").isSilent = true;
    const before = world.actions.length;
    const waits: (number | undefined)[] = [];
    for (let round = 0; round < 10; round++) {
      world.tick();
      waits.push((await world.pass()).requeueAfterMs);
    }
    expect(world.actions.length).toBe(before);
    expect(waits.slice(0, 3)).toEqual([2000, 3000, 4500]);
    expect(waits.at(-1)).toBe(30_000);
    expect(statusOf(world).phase).toBe("Degraded");
    expect(world.events.filter(({ reason }) => reason === "ServerUnreachable").map(({ note }) => note)).toEqual([
      'Pod "kv-1-1" does not answer',
    ]);
  });

  it("has nothing to do with a server of another cluster that answers at a pod's address", async () => {
    const world = await start();
    for (const { id, pod } of world.servers.nodes) world.hostnames.set(id, `${pod}.kv-nodes.apps.svc.cluster.local`);
    world.hostnames.set(nodeOf(world, "kv-1-1").id, "other-0-0.other-nodes.apps.svc.cluster.local");
    for (let round = 0; round < 5; round++) {
      world.tick();
      await world.pass();
    }
    expect(world.actions.some((action) => action.pod === "kv-1-1")).toBe(false);
    expect(world.actions.some((action) => action.kind === "Meet" && action.peer === "kv-1-1")).toBe(false);
    expect(statusOf(world).message).toBe('Waiting for pod "kv-1-1" to answer');
    world.hostnames.set(nodeOf(world, "kv-1-1").id, "kv-1-1.kv-nodes.apps.svc.example.org");
    await world.settle();
    expect(statusOf(world).phase).toBe("Ready");
  });

  it("brings all pods back after they restarted at once on new addresses", async () => {
    const world = await start();
    await world.settle();
    const owners = world.servers.nodes.map(({ id, slots }) => [id, slots]);
    for (const node of world.servers.nodes) world.servers.kill(node);
    for (const node of world.servers.nodes) world.servers.restart(node);
    await world.settle();
    expect(statusOf(world).phase).toBe("Ready");
    expect(world.servers.nodes.map(({ id, slots }) => [id, slots])).toEqual(owners);
  });

  it("changes nothing while paused, and still reports", async () => {
    const world = await start();
    await world.settle();
    world.server.change(world.cluster(), { spec: { paused: true, replicasPerShard: 2 } });
    world.servers.restartEmpty(nodeOf(world, "kv-2-1"));
    const before = world.actions.length;
    world.tick();
    await world.pass();
    await world.pass();
    expect(world.actions.length).toBe(before);
    expect(statusOf(world).phase).toBe("Paused");
    expect(find(world, "StatefulSet", "kv-0")?.spec?.replicas).toBe(2);
  });

  it("tells in the status what the API server refuses, and fails so that it is retried", async () => {
    const world = await start();
    world.server.refuse({ method: "PATCH", path: /configmaps/, status: 403 });
    await expect(world.pass()).rejects.toThrow("Failed to ensure children");
    expect(conditionIn(world, "Ready")).toBe("False ReconcileFailed");
    await world.settle();
    expect(conditionIn(world, "Ready")).toBe("True Serving");
  });

  it("leaves a cluster that is being deleted to its owner references", async () => {
    const world = await start();
    await world.settle();
    world.server.change(world.cluster(), { metadata: { finalizers: ["someone/else"] } });
    world.server.remove(world.cluster());
    const writes = world.server.writes.length;
    expect(await world.pass()).toEqual({});
    expect(world.server.writes.length).toBe(writes);
  });
});
