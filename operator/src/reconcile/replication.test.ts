import { describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { Manifest } from "../resources/manifest.ts";
import type { SimulatedServer } from "../topology/simulated-group.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, until, worlds } from "./simulated-life.ts";

const start = worlds();
const PAIR = { mode: "Replication", shards: 1, replicasPerShard: 1 };
const ALONE = { mode: "Standalone", shards: 1, replicasPerShard: 0 };

interface Shard {
  readonly primary?: string;
  readonly replicas?: readonly string[];
  readonly copies?: readonly { readonly pod: string; readonly runId: string }[];
}

const edit = (seen: SimulatedKubernetes, spec: object) => seen.server.change(seen.cluster(), { spec });
const statusOf = (seen: SimulatedKubernetes) => seen.cluster().status as { readonly shardStatus?: readonly Shard[] };
const shardOf = (seen: SimulatedKubernetes) => statusOf(seen).shardStatus?.[0];
const serviceOf = (seen: SimulatedKubernetes, name: string) =>
  seen.server.find<Manifest>(RESOURCE_KINDS.Service, CLUSTER.namespace, name);
const leaderOf = ({ group }: SimulatedKubernetes): SimulatedServer => {
  const [leader, ...others] = group.leaders;
  if (leader === undefined || others.length > 0) throw new Error(`${group.leaders.length} servers lead`);
  return leader;
};

/** Pods that a Service of that name leads to, ready ones. */
function behind(seen: SimulatedKubernetes, service: string): readonly string[] {
  const selector = Object.entries((serviceOf(seen, service)?.spec?.selector ?? {}) as Record<string, string>);
  return seen
    .pods()
    .filter(({ metadata }) => selector.every(([label, value]) => metadata.labels?.[label] === value))
    .map(({ metadata }) => metadata.name);
}

describe("mode Replication", () => {
  it("gets a primary that the others follow, and Services that lead to each", async () => {
    const seen = await start({ ...PAIR, replicasPerShard: 2 });
    await seen.settle();
    expect(conditionIn(seen, "Ready")).toBe("True Serving");
    const leader = leaderOf(seen);
    expect(behind(seen, "kv-write")).toEqual([leader.pod]);
    expect(behind(seen, "kv")).toEqual([leader.pod]);
    expect(behind(seen, "kv-read")).toHaveLength(2);
    expect(behind(seen, "kv-read")).not.toContain(leader.pod);
    expect(shardOf(seen)).toMatchObject({ primary: leader.pod, replicas: behind(seen, "kv-read") });
    expect(shardOf(seen)?.copies).toHaveLength(3);
  });

  it("is looked at every few seconds, and writes nothing to the API server for it", async () => {
    const seen = await start(PAIR);
    await seen.settle();
    const before = seen.server.writes.length;
    for (let round = 0; round < 10; round++) {
      seen.tick();
      expect(await seen.pass()).toEqual({ requeueAfterMs: 3000 });
    }
    expect(seen.server.writes.length).toBe(before);
    expect(seen.group.isWritable(leaderOf(seen))).toBe(true);
  });

  it("promotes the replica when the primary's process is gone, and the old one follows when it is back", async () => {
    const seen = await start(PAIR);
    await seen.settle();
    const old = leaderOf(seen);
    seen.group.kill(old);
    await until(seen, () => seen.group.leaders.length > 0 && behind(seen, "kv-write")[0] === leaderOf(seen).pod);
    expect(leaderOf(seen)).not.toBe(old);
    // Nobody else is there to read from.
    expect(behind(seen, "kv-read")).toEqual([leaderOf(seen).pod]);
    expect(conditionIn(seen, "Degraded")).toBe("True ServersNotReady");
    seen.group.restart(old);
    await seen.settle();
    expect(behind(seen, "kv-read")).toEqual([old.pod]);
    expect(seen.events.filter(({ reason }) => reason === "PrimaryChanged").at(-1)?.note).toContain(
      `it was "${old.pod}"`,
    );
  });

  it("is carried on by whoever comes when the operator dies after every pass, and sometimes in the middle of one", async () => {
    const seen = await start(PAIR);
    await seen.settle();
    for (let failures = 0; failures < 4; failures++) {
      const old = leaderOf(seen);
      seen.group.kill(old);
      for (let round = 0; round < 20; round++) {
        seen.tick();
        if (round % 3 === 1) seen.server.refuse({ method: "PATCH", path: /status|pods/, status: 500 });
        await seen.pass().catch(() => undefined);
        seen.restartOperator();
        if (round === 12) seen.group.restart(old);
      }
      await seen.settle();
      expect(leaderOf(seen)).not.toBe(old);
      expect(conditionIn(seen, "Ready")).toBe("True Serving");
    }
  });

  it("does not trust a cache that shows an older record, where nobody leads", async () => {
    const seen = await start(PAIR);
    await seen.settle();
    const stale = structuredClone(seen.cluster());
    const leader = leaderOf(seen);
    const replica = seen.group.servers.find((server) => server !== leader) as SimulatedServer;
    seen.group.kill(replica);
    await go(seen, 10);
    expect(shardOf(seen)?.copies?.map(({ pod }) => pod)).toEqual([leader.pod]);
    seen.group.kill(leader);
    seen.group.restart(replica);
    expect(stale.status).not.toEqual(seen.cluster().status);
    await go(seen, 30);
    expect(seen.group.leaders).toEqual([]);
    expect(conditionIn(seen, "Ready")).toMatch(/^False/);
    seen.group.restart(leader);
    await seen.settle();
    expect(leaderOf(seen)).toBe(leader);
  });

  it("rolls by hand-over: the replica, then the primary once it has handed over", async () => {
    const seen = await start(PAIR);
    await seen.settle();
    const old = leaderOf(seen);
    edit(seen, { image: "kv-server:2" });
    await until(
      seen,
      () => conditionIn(seen, "UpToDate") === "True Current" && conditionIn(seen, "Ready") === "True Serving",
    );
    const restarts = seen.server.writes.filter(({ method, path }) => method === "DELETE" && path.includes("/pods/"));
    expect(restarts).toHaveLength(2);
    expect(restarts.at(-1)?.path).toMatch(new RegExp(`${old.pod}$`));
    expect(seen.actions.filter(({ kind }) => kind === "HandOver")).toMatchObject([{ pod: old.pod }]);
    expect(leaderOf(seen)).not.toBe(old);
  });

  it("keeps its primary's lease while it is paused", async () => {
    const seen = await start(PAIR);
    await seen.settle();
    const leader = leaderOf(seen);
    edit(seen, { paused: true });
    for (const server of seen.group.servers) if (server !== leader) seen.group.kill(server);
    await go(seen, 30);
    expect(seen.group.isWritable(leader)).toBe(true);
  });

  it("shrinks without the pods that go, which hand over first", async () => {
    const seen = await start({ ...PAIR, replicasPerShard: 2 });
    await seen.settle();
    const [first] = seen.group.servers as [SimulatedServer];
    seen.group.kill(first);
    await go(seen, 10);
    seen.group.restart(first);
    await seen.settle();
    expect(leaderOf(seen)).not.toBe(first);
    edit(seen, { mode: "Standalone", replicasPerShard: 0 });
    await until(seen, () => seen.pods().length === 1 && conditionIn(seen, "Ready") === "True Serving");
    await until(seen, () => conditionIn(seen, "UpToDate") === "True Current");
    expect(leaderOf(seen)).toBe(first);
    expect(serviceOf(seen, "kv-write")).toBeUndefined();
  });
});

describe("mode Standalone", () => {
  it("is one server that leads from its start, behind one Service", async () => {
    const seen = await start(ALONE);
    await seen.settle();
    expect(conditionIn(seen, "Ready")).toBe("True Serving");
    expect(seen.actions).toEqual([]);
    expect(behind(seen, "kv")).toEqual(["kv-0-0"]);
    expect([serviceOf(seen, "kv-write"), serviceOf(seen, "kv-read")]).toEqual([undefined, undefined]);
    const { endpoints } = seen.cluster().status as { endpoints: Record<string, string> };
    expect(new Set(Object.values(endpoints))).toEqual(new Set(["kv.apps.svc.cluster.local:6379"]));
  });

  it("gets replicas in place: they copy it, it hands over, and restarts as one of them", async () => {
    const seen = await start(ALONE);
    await seen.settle();
    const writes = seen.group.servers[0]?.log.length ?? 0;
    expect(writes).toBeGreaterThan(0);
    edit(seen, PAIR);
    await until(seen, () => seen.pods().length === 2 && conditionIn(seen, "UpToDate") === "True Current");
    await seen.settle();
    expect(seen.group.servers.map(({ isMember }) => isMember)).toEqual([true, true]);
    expect(leaderOf(seen).pod).toBe("kv-0-1");
    expect(leaderOf(seen).log.length).toBeGreaterThanOrEqual(writes);
    expect(behind(seen, "kv-read")).toEqual(["kv-0-0"]);
  });

  it("is replaced on its way there only once its pod is another one, which waits for its role", async () => {
    const seen = await start({ ...ALONE, disruption: { updateStrategy: "Supervised" } });
    await seen.settle();
    const [alone] = seen.group.servers as [SimulatedServer];
    edit(seen, PAIR);
    await until(seen, () => seen.group.servers[1]?.linkUp === true);
    seen.group.kill(alone);
    const isLed = () => seen.actions.some(({ kind }) => kind === "Lead");
    await until(seen, () => isLed() || alone.isMember);
    expect([alone.isMember, isLed()]).toEqual([true, false]);
    await until(seen, () => conditionIn(seen, "Ready") === "True Serving");
    expect(leaderOf(seen)).not.toBe(alone);
  });
});
