import { describe, expect, it } from "vitest";
import { conditionOf, type UntimedCondition } from "../api/condition.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { Manifest } from "../resources/manifest.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, worlds } from "./simulated-life.ts";

const startWorld = worlds();

async function start(spec: Readonly<Record<string, unknown>> = {}): Promise<SimulatedKubernetes> {
  const seen = await startWorld({ shards: 3, replicasPerShard: 1, ...spec });
  await seen.settle();
  return seen;
}

const edit = (seen: SimulatedKubernetes, spec: object) => seen.server.change(seen.cluster(), { spec });
/** What the servers run with, each value once. */
const running = (seen: SimulatedKubernetes, name: string) => [
  ...new Set(seen.servers.nodes.map(({ id }) => seen.configuration.read(id, [name]).get(name))),
];
const restarts = (seen: SimulatedKubernetes) =>
  seen.server.writes.filter(({ method, path }) => method === "DELETE" && path.includes("/pods/")).length;
const nodeOf = (seen: SimulatedKubernetes, index: number) => {
  const node = seen.servers.nodes[index];
  if (node === undefined) throw new Error("no such server");
  return node;
};
const messageOf = (seen: SimulatedKubernetes) =>
  conditionOf<UntimedCondition>(seen.cluster().status as never, "ConfigApplied")?.message;
const file = (seen: SimulatedKubernetes) =>
  seen.server.find<Manifest>(RESOURCE_KINDS.ConfigMap, CLUSTER.namespace, "kv-config")?.data?.["kvcluster.conf"];

describe("a change of spec.config", () => {
  it("is taken on by all servers without a restart, and is in their file for the next one", async () => {
    const seen = await start();
    edit(seen, { config: { "slowlog-max-len": "64", "lua-time-limit": "100", "active-defrag-ignore-bytes": "5mb" } });
    await seen.settle();
    expect(running(seen, "slowlog-max-len")).toEqual(["64"]);
    expect(running(seen, "busy-reply-threshold")).toEqual(["100"]);
    expect(running(seen, "active-defrag-ignore-bytes")).toEqual(["5242880"]);
    expect(file(seen)).toContain("busy-reply-threshold 100\n");
    expect([restarts(seen), conditionIn(seen, "UpToDate")]).toEqual([0, "True Current"]);
    expect(conditionIn(seen, "ConfigApplied")).toBe("True Applied");
    const told = seen.events.filter(({ reason }) => reason === "ConfigChanged").map(({ note }) => note);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("slowlog-max-len");
  });

  it("goes back to the default when the directive leaves the spec, on a server that was away too", async () => {
    const seen = await start({ config: { "slowlog-max-len": "64" } });
    const away = nodeOf(seen, 4);
    away.isSilent = true;
    edit(seen, { config: { "slowlog-max-len": null } });
    await go(seen, 3);
    expect(running(seen, "slowlog-max-len").sort()).toEqual(["128", "64"]);
    away.isSilent = false;
    await seen.settle();
    expect([running(seen, "slowlog-max-len"), restarts(seen)]).toEqual([["128"], 0]);
  });

  it("is put back where somebody changed it by hand, and what the spec does not name is left to the servers", async () => {
    const seen = await start({ config: { "slowlog-max-len": "64" } });
    const { id } = nodeOf(seen, 1);
    seen.configuration.set(id, [
      ["slowlog-max-len", "7"],
      ["timeout", "7"],
    ]);
    await seen.settle();
    expect(running(seen, "slowlog-max-len")).toEqual(["64"]);
    expect(seen.configuration.read(id, ["timeout"]).get("timeout")).toBe("7");
  });

  it("that is there no more leaves a newer image's default alone once all servers were told", async () => {
    const seen = await start({ config: { "slowlog-max-len": "64" } });
    edit(seen, { config: { "slowlog-max-len": null } });
    await seen.settle();
    for (const { id } of seen.servers.nodes) seen.configuration.set(id, [["slowlog-max-len", "1000"]]);
    await go(seen, 3);
    expect(running(seen, "slowlog-max-len")).toEqual(["1000"]);
  });

  it("restarts servers for what they only read when they start, and names that", async () => {
    const seen = await start({ replicasPerShard: 0, shards: 1 });
    edit(seen, { config: { databases: "4" } });
    await go(seen, 20);
    expect(restarts(seen)).toBe(1);
    expect(running(seen, "databases")).toEqual(["4"]);
    const notes = seen.events.filter(({ reason }) => reason === "PodRestarted").map(({ note }) => note);
    expect(notes).toEqual(['Pod "kv-0-0" restarts to take on: configuration']);
  });

  it("is told once to each server, however they write it, and causes no write later", async () => {
    const seen = await start({ config: { "active-defrag-ignore-bytes": "5mb" } });
    const { sets } = seen.configuration;
    const version = seen.server.resourceVersion;
    await go(seen, 4);
    expect([seen.configuration.sets, seen.server.resourceVersion]).toEqual([sets, version]);
  });

  it("that servers refuse is told once, left out of the file, and mended by a good one", async () => {
    const seen = await start();
    edit(seen, { config: { "slowlog-max-len": "many", timeout: "60" } });
    await seen.settle();
    expect(conditionIn(seen, "ConfigApplied")).toBe("False ConfigRefused");
    expect(messageOf(seen)).toContain("slowlog-max-len (argument couldn't be parsed into an integer)");
    expect([running(seen, "slowlog-max-len"), running(seen, "timeout")]).toEqual([["128"], ["60"]]);
    expect(file(seen)).not.toContain("slowlog-max-len");
    expect(file(seen)).toContain("timeout 60\n");
    await go(seen, 4);
    expect(seen.events.filter(({ reason }) => reason === "ConfigRefused")).toHaveLength(1);
    edit(seen, { config: { "slowlog-max-len": "64" } });
    await seen.settle();
    expect([conditionIn(seen, "ConfigApplied"), running(seen, "slowlog-max-len")]).toEqual(["True Applied", ["64"]]);
  });

  it("that was refused stays out of the file while no server answers, whatever else changes meanwhile", async () => {
    const seen = await start();
    edit(seen, { config: { "notify-keyspace-events": "nonsense" } });
    await seen.settle();
    expect(messageOf(seen)).toContain("notify-keyspace-events (Invalid event class character)");
    for (const node of seen.servers.nodes) node.isSilent = true;
    edit(seen, { config: { timeout: "60" } });
    seen.restartOperator();
    await go(seen, 3);
    expect(file(seen)).toContain("timeout 60\n");
    expect(file(seen)).not.toContain("notify-keyspace-events");
    expect(conditionIn(seen, "ConfigApplied")).toBe("False ConfigRefused");
    expect(messageOf(seen)).toContain("6 of 6 servers did not answer");
    edit(seen, { config: { "notify-keyspace-events": "Kx" } });
    await go(seen, 1);
    expect(file(seen)).toContain("notify-keyspace-events Kx\n");
  });

  it("that was refused by a server stays out of the file until all take it", async () => {
    const seen = await start();
    edit(seen, { config: { "notify-keyspace-events": "nonsense" } });
    await seen.settle();
    const node = nodeOf(seen, 2);
    node.isSilent = true;
    // The others are of another image by now, say.
    for (const { id } of seen.servers.nodes)
      seen.configuration.restart(id, new Map([["notify-keyspace-events", "nonsense"]]));
    await go(seen, 2);
    expect(file(seen)).not.toContain("notify-keyspace-events");
    node.isSilent = false;
    await seen.settle();
    expect([file(seen)?.includes("notify-keyspace-events nonsense\n"), conditionIn(seen, "ConfigApplied")]).toEqual([
      true,
      "True Applied",
    ]);
  });

  it("that is refused leaves in the file what servers have, so that a restart changes nothing", async () => {
    const seen = await start({ config: { databases: "4", "slowlog-max-len": "64" } });
    edit(seen, { config: { databases: "few", "slowlog-max-len": "many" } });
    await go(seen, 10);
    expect(messageOf(seen)).toContain("databases (argument couldn't be parsed into an integer), slowlog-max-len (");
    expect(file(seen)).toContain("databases 4\n");
    expect(file(seen)).toContain("slowlog-max-len 64\n");
    expect([restarts(seen), conditionIn(seen, "UpToDate")]).toEqual([0, "True Current"]);
  });

  it("is not said to be on all servers while some did not answer", async () => {
    const seen = await start();
    nodeOf(seen, 1).isSilent = true;
    nodeOf(seen, 4).isSilent = true;
    edit(seen, { config: { timeout: "60" } });
    await go(seen, 2);
    expect(conditionIn(seen, "ConfigApplied")).toBe("Unknown ServersUnheard");
    expect(messageOf(seen)).toBe("2 of 6 servers did not answer");
    edit(seen, { config: { "notify-keyspace-events": "nonsense" } });
    await go(seen, 1);
    expect(conditionIn(seen, "ConfigApplied")).toBe("False ConfigRefused");
    expect(messageOf(seen)).toMatch(/they keep the one they have\. 2 of 6 servers did not answer$/);
    for (const node of seen.servers.nodes) node.isSilent = false;
    edit(seen, { config: { "notify-keyspace-events": null } });
    await seen.settle();
    expect(conditionIn(seen, "ConfigApplied")).toBe("True Applied");
  });

  it("waits while the cluster is paused: servers are told nothing", async () => {
    const seen = await start({ config: { timeout: "60" } });
    edit(seen, { paused: true, config: { timeout: "70" } });
    const { sets } = seen.configuration;
    await go(seen, 4);
    expect([seen.configuration.sets, running(seen, "timeout")]).toEqual([sets, ["60"]]);
    edit(seen, { paused: false });
    await seen.settle();
    expect(running(seen, "timeout")).toEqual(["70"]);
  });
});

describe("a first spec.config by which servers would not start", () => {
  const MISTAKES = { databases: "few", "no-such-directive": "1", "maxmemory-clients": "101%", appendonly: "no yes" };

  it("starts nothing, and is told of in the servers' words", async () => {
    const seen = await startWorld({ config: MISTAKES });
    await go(seen, 3);
    expect([seen.pods().length, file(seen)]).toEqual([0, undefined]);
    expect(seen.server.list(RESOURCE_KINDS.StatefulSet, CLUSTER.namespace)).toEqual([]);
    expect(conditionIn(seen, "ConfigApplied")).toBe("False ConfigRefused");
    expect(conditionIn(seen, "Ready")).toBe("False ConfigRefused");
    expect(messageOf(seen)).toBe(
      "Nothing is started: servers do not take the value of appendonly (wrong number of arguments), databases (argument " +
        "couldn't be parsed into an integer), maxmemory-clients (percentage argument must be less or equal to 100) and 1 more",
    );
    expect(seen.events.filter(({ reason, type }) => reason === "ConfigRefused" && type === "Warning")).toHaveLength(1);
  });

  it("is mended by a good one", async () => {
    const seen = await startWorld({ shards: 1, config: { databases: "few" } });
    await go(seen, 2);
    edit(seen, { config: { databases: "4" } });
    await seen.settle();
    expect([conditionIn(seen, "ConfigApplied"), running(seen, "databases")]).toEqual(["True Applied", ["4"]]);
  });
});

describe("maxmemory", () => {
  const limits = (memory: string) => ({ resources: { limits: { memory } } });

  it("follows spec.memory without a restart, as its policy does", async () => {
    const seen = await start(limits("1Gi"));
    expect(running(seen, "maxmemory")).toEqual(["805306368"]);
    edit(seen, { memory: { maxMemory: "256Mi", policy: "allkeys-lru" } });
    await seen.settle();
    expect([running(seen, "maxmemory"), running(seen, "maxmemory-policy")]).toEqual([["268435456"], ["allkeys-lru"]]);
    expect(restarts(seen)).toBe(0);
  });

  it("shrinks with the memory limit before a server is restarted, and grows with it after", async () => {
    const seen = await start(limits("1Gi"));
    const [first] = seen.servers.nodes;
    edit(seen, limits("512Mi"));
    await seen.pass();
    expect(running(seen, "maxmemory")).toEqual(["402653184"]);
    await go(seen, 40);
    expect(restarts(seen)).toBe(6);
    edit(seen, limits("2Gi"));
    await seen.pass();
    expect(seen.configuration.read(first?.id ?? "", ["maxmemory"]).get("maxmemory")).toBe("402653184");
    await go(seen, 40);
    expect([restarts(seen), running(seen, "maxmemory")]).toEqual([12, ["1610612736"]]);
  });
});
