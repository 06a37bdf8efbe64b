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

  it("goes back to the default when the directive leaves the spec, or somebody changed it by hand", async () => {
    const seen = await start({ config: { "slowlog-max-len": "64" } });
    edit(seen, { config: { "slowlog-max-len": null } });
    await seen.settle();
    expect(running(seen, "slowlog-max-len")).toEqual(["128"]);
    seen.configuration.set(seen.servers.nodes[1]?.id ?? "", "timeout", "7");
    await seen.settle();
    expect([running(seen, "timeout"), restarts(seen)]).toEqual([["0"], 0]);
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
    const condition = conditionOf<UntimedCondition>(seen.cluster().status as never, "ConfigApplied");
    expect(condition?.message).toContain("slowlog-max-len (argument couldn't be parsed into an integer)");
    expect([running(seen, "slowlog-max-len"), running(seen, "timeout")]).toEqual([["128"], ["60"]]);
    expect(file(seen)).not.toContain("slowlog-max-len");
    expect(file(seen)).toContain("timeout 60\n");
    await go(seen, 4);
    expect(seen.events.filter(({ reason }) => reason === "ConfigRefused")).toHaveLength(1);
    edit(seen, { config: { "slowlog-max-len": "64" } });
    await seen.settle();
    expect([conditionIn(seen, "ConfigApplied"), running(seen, "slowlog-max-len")]).toEqual(["True Applied", ["64"]]);
  });

  it("that was refused stays out of the file while no server answers", async () => {
    const seen = await start();
    edit(seen, { config: { "slowlog-max-len": "many" } });
    await seen.settle();
    for (const node of seen.servers.nodes) node.isSilent = true;
    await go(seen, 3);
    expect(file(seen)).not.toContain("slowlog-max-len");
    expect(conditionIn(seen, "ConfigApplied")).toBe("False ConfigRefused");
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
