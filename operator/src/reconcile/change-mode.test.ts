// From a group to a cluster in place. The simulated servers throw as soon as two of them take writes, or as one leads the cluster
// that lacks an acknowledged write.
import { describe, expect, it } from "vitest";
import { conditionOf, type UntimedCondition } from "../api/condition.ts";
import { seededRandom } from "../topology/seeded-random.ts";
import type { SimulatedServer } from "../topology/simulated-group.ts";
import { countSlots } from "../topology/slot-range.ts";
import type { SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, keysOf, until, worlds } from "./simulated-life.ts";

const start = worlds();
const PAIR = { mode: "Replication", shards: 1, replicasPerShard: 1 };
const ALONE = { mode: "Standalone", shards: 1, replicasPerShard: 0 };
const SHARDS = { mode: "Cluster", shards: 3, replicasPerShard: 1 };

const edit = (seen: SimulatedKubernetes, spec: object) => seen.server.change(seen.cluster(), { spec });
const messageOf = (seen: SimulatedKubernetes, type: string) =>
  conditionOf(seen.cluster().status as { readonly conditions: readonly UntimedCondition[] }, type)?.message;
const isServing = (seen: SimulatedKubernetes) =>
  conditionIn(seen, "Ready") === "True Serving" &&
  conditionIn(seen, "UpToDate") === "True Current" &&
  conditionIn(seen, "Balanced") === "True Balanced";

async function begin(spec: object): Promise<SimulatedKubernetes> {
  const seen = await start({ ...spec });
  await seen.settle();
  await go(seen, 5);
  return seen;
}

const writesOf = ({ group }: SimulatedKubernetes) => Math.max(...group.servers.map(({ log }) => log.length));
const isCluster = ({ group, servers }: SimulatedKubernetes) => group.servers.length === 0 && servers.nodes.length > 0;

function expectEvenShards(seen: SimulatedKubernetes, shards: number): void {
  const owned = seen.servers.nodes.filter(({ slots }) => slots.length > 0);
  expect(owned).toHaveLength(shards);
  for (const { slots } of owned) expect(Math.abs(countSlots(slots) - 16384 / shards)).toBeLessThanOrEqual(1);
}

describe("a group whose spec asks for a cluster", () => {
  it.each([
    ["with a replica", PAIR],
    ["of one server", ALONE],
  ])("%s keeps its data, and its slots go to further shards", async (_, spec) => {
    const seen = await begin(spec);
    const before = writesOf(seen);
    expect(before).toBeGreaterThan(0);
    edit(seen, SHARDS);
    await until(seen, () => isCluster(seen));
    const keys = seen.servers.nodes.find(({ slots }) => slots.length > 0)?.keys ?? 0;
    expect(keys).toBeGreaterThanOrEqual(before);
    await until(seen, () => isServing(seen));
    expectEvenShards(seen, 3);
    expect(keysOf(seen)).toBe(keys);
    expect(seen.pods()).toHaveLength(6);
    expect((seen.cluster().status as { shardStatus: object[] }).shardStatus[0]).not.toHaveProperty("copies");
    expect(seen.events.filter(({ reason }) => reason === "BecomesCluster")).toHaveLength(1);
    expect(seen.events.filter(({ type, reason }) => type === "Warning" && reason === "ActionFailed")).toEqual([]);
  });

  it("stays one shard where that is asked for, with its primary where it was", async () => {
    const seen = await begin({ ...PAIR, replicasPerShard: 2 });
    const [leader] = seen.group.leaders as [SimulatedServer];
    edit(seen, { ...SHARDS, shards: 1, replicasPerShard: 2 });
    await until(seen, () => isCluster(seen) && isServing(seen));
    expectEvenShards(seen, 1);
    expect(seen.servers.nodes.find(({ slots }) => slots.length > 0)?.pod).toBe(leader.pod);
    expect(seen.pods()).toHaveLength(3);
  });

  it("writes nothing to the API server once it is settled, nor while it may not become one", async () => {
    const seen = await begin(PAIR);
    for (const server of seen.group.servers) server.keysElsewhere = 3;
    edit(seen, SHARDS);
    await go(seen, 5);
    const before = seen.server.writes.length;
    await go(seen, 5);
    expect(seen.server.writes.length).toBe(before);
  });

  it("with keys in other databases goes on as it was, says so, and becomes one when they are gone", async () => {
    const seen = await begin(PAIR);
    for (const server of seen.group.servers) server.keysElsewhere = 3;
    edit(seen, SHARDS);
    await go(seen, 10);
    expect(conditionIn(seen, "UpToDate")).toBe("False OtherDatabases");
    expect(messageOf(seen, "UpToDate")).toMatch(
      /^Stays outside of a cluster: 3 keys of pod "kv-0-\d" are in databases/,
    );
    expect(conditionIn(seen, "Ready")).toBe("True Serving");
    expect(seen.group.leaders).toHaveLength(1);
    expect(seen.pods()).toHaveLength(2);
    const warnings = seen.events.filter(({ reason }) => reason === "OtherDatabases");
    expect(warnings.map(({ type }) => type)).toEqual(["Warning"]);
    for (const server of seen.group.servers) server.keysElsewhere = 0;
    await until(seen, () => isCluster(seen) && isServing(seen));
  });

  it("is led again where such keys come in the last moment", async () => {
    const seen = await begin(PAIR);
    edit(seen, SHARDS);
    const [leader] = seen.group.leaders as [SimulatedServer];
    await until(seen, () => seen.group.servers.every(({ state }) => state === "held"));
    leader.keysElsewhere = 1;
    await go(seen, 5);
    expect(conditionIn(seen, "UpToDate")).toBe("False OtherDatabases");
    expect(seen.group.leaders).toHaveLength(1);
    expect(seen.group.servers.every(({ pausedUntilMs }) => pausedUntilMs <= seen.group.nowMs)).toBe(true);
    leader.keysElsewhere = 0;
    await until(seen, () => isCluster(seen) && isServing(seen));
  });

  it("goes on taking writes while a server cannot save", async () => {
    const seen = await begin(PAIR);
    seen.saves.set("kv-0-1", "failed");
    edit(seen, SHARDS);
    await go(seen, 5);
    expect(conditionIn(seen, "UpToDate")).toBe("False SaveFailed");
    const before = writesOf(seen);
    await go(seen, 5);
    expect(writesOf(seen)).toBeGreaterThan(before);
    seen.saves.delete("kv-0-1");
    await until(seen, () => isCluster(seen) && isServing(seen));
  });

  it("is found out to have an image that is too old for it before any write has to wait", async () => {
    const seen = await begin(PAIR);
    const [server] = seen.group.servers as [SimulatedServer];
    server.isOld = true;
    edit(seen, SHARDS);
    await go(seen, 5);
    expect(conditionIn(seen, "UpToDate")).toBe("False ModeRefused");
    expect(messageOf(seen, "UpToDate")).toMatch(/^Stays outside of a cluster: "kv-0-0" does not note its place/);
    expect(seen.group.servers.map(({ pausedUntilMs }) => pausedUntilMs)).toEqual([0, 0]);
    expect(conditionIn(seen, "Ready")).toBe("True Serving");
    server.isOld = false;
    await until(seen, () => isCluster(seen) && isServing(seen));
  });

  it("says that writes wait, and is not called degraded for it", async () => {
    const seen = await begin(PAIR);
    edit(seen, SHARDS);
    const phases = new Set<string>();
    await until(seen, () => {
      const { phase } = seen.cluster().status as { phase: string };
      if (conditionIn(seen, "UpToDate") === "False ModeChanging") phases.add(phase);
      return isCluster(seen);
    });
    expect(phases).toEqual(new Set(["Updating"]));
  });

  it("waits for approval where restarts of primaries do", async () => {
    const seen = await begin({ ...PAIR, disruption: { updateStrategy: "Supervised" } });
    edit(seen, SHARDS);
    await go(seen, 10);
    expect(conditionIn(seen, "UpToDate")).toBe("False ModeChangeDue");
    expect(messageOf(seen, "UpToDate")).toContain("approval");
    const { generation } = seen.cluster().metadata;
    const annotations = { "kvcluster.dev/approved-generation": String(generation) };
    seen.server.change(seen.cluster(), { metadata: { annotations } });
    await until(seen, () => isCluster(seen));
  });

  it("that is being restarted for something else does that first", async () => {
    const seen = await begin(PAIR);
    edit(seen, { image: "kv-server:2" });
    await go(seen, 2);
    edit(seen, SHARDS);
    await until(seen, () => isCluster(seen) && isServing(seen));
    expect(seen.pods()).toHaveLength(6);
  });

  it("sleeps as a group, and becomes a cluster when it is awake", async () => {
    const seen = await begin({ ...PAIR, replicasPerShard: 2 });
    edit(seen, { ...SHARDS, hibernated: true });
    await until(seen, () => conditionIn(seen, "Hibernated") === "True Hibernated");
    expect(seen.group.servers).toHaveLength(3);
    edit(seen, { hibernated: false });
    await until(seen, () => isCluster(seen) && isServing(seen));
  });

  it("is changed by nobody while it is paused", async () => {
    const seen = await begin(PAIR);
    edit(seen, { ...SHARDS, paused: true });
    await go(seen, 10);
    expect(seen.group.leaders).toHaveLength(1);
    expect(conditionIn(seen, "UpToDate")).toBe("False ModeChangeDue");
    edit(seen, { paused: false });
    await until(seen, () => isCluster(seen) && isServing(seen));
  });
});

describe("the way into a cluster", () => {
  it.each([
    ["a pair", PAIR],
    ["one server", ALONE],
  ])(
    "is gone to its end for %s though the operator dies in every pass, and sometimes in the middle of one",
    async (_, spec) => {
      for (let seed = 0; seed < 5; seed++) {
        const random = seededRandom(seed);
        const seen = await begin(spec);
        edit(seen, { ...SHARDS, shards: 1 });
        for (let round = 0; round < 60 && !isCluster(seen); round++) {
          seen.tick();
          const path = [/status/, /statefulsets/, /configmaps/, /services/, /pods/][Math.floor(random() * 5)];
          if (random() < 0.5 && path !== undefined) {
            const method = path.source === "pods" ? "DELETE" : "PATCH";
            seen.server.refuse({ method, path, status: 500 });
          }
          await seen.pass().catch(() => undefined);
          seen.restartOperator();
        }
        await until(seen, () => isCluster(seen) && isServing(seen));
        expectEvenShards(seen, 1);
      }
    },
  );

  it("is not left again by an operator whose caches do not show yet that it was decided", async () => {
    const seen = await begin(PAIR);
    edit(seen, SHARDS);
    await until(seen, () => seen.group.servers.every(({ state }) => state === "held"));
    for (const kind of ["StatefulSet", "KVCluster"]) seen.frozen.add(kind);
    await until(seen, () => seen.events.some(({ reason }) => reason === "BecomesCluster"));
    const [server] = seen.group.servers as [SimulatedServer];
    // By which the group would go on as before.
    server.keysElsewhere = 1;
    await go(seen, 10);
    expect(seen.group.servers.map(({ state }) => state)).toEqual(["held", "held"]);
    seen.frozen.clear();
    await until(seen, () => isCluster(seen) && isServing(seen));
  });

  it("is found again after servers have died at any point of it", async () => {
    for (let seed = 0; seed < 12; seed++) {
      const random = seededRandom(seed);
      const replicasPerShard = 1 + Math.floor(random() * 2);
      const seen = await begin({ ...PAIR, replicasPerShard });
      edit(seen, { ...SHARDS, shards: 1, replicasPerShard });
      for (let round = 0; round < 60 && !isCluster(seen); round++) {
        seen.tick();
        await seen.pass().catch(() => undefined);
        for (const server of seen.group.servers) {
          if (!server.isAlive) seen.group.restart(server);
          else if (random() < 0.06) seen.group.kill(server);
        }
      }
      for (const server of seen.group.servers) if (!server.isAlive) seen.group.restart(server);
      await until(seen, () => isCluster(seen) && isServing(seen));
    }
  });
});
