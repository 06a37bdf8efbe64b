import { describe, expect, it } from "vitest";
import { exampleCluster } from "./example-cluster.ts";
import { changedInputs, modeOfPod, restartInputs } from "./restart-inputs.ts";

const of = (spec: Readonly<Record<string, unknown>> = {}) => restartInputs(exampleCluster(spec));
const changed = (before: string | undefined, spec: Readonly<Record<string, unknown>> = {}) =>
  changedInputs(before, exampleCluster(spec));

describe("restartInputs", () => {
  it("stay what they are from one version of the operator to the next, or an upgrade would restart every server", () => {
    expect(of()).toBe("5b9bc4ba528108e4.08f44b07b5901a25.08f44b07b5901a25.1403b7ec03b355f6.5b9bc4ba528108e4");
  });

  it("name what was changed", () => {
    expect(changed(of(), { image: "kv:2" })).toEqual(["image"]);
    expect(changed(of(), { config: { databases: "4" }, resources: { limits: { cpu: 1 } } })).toEqual([
      "resources",
      "configuration",
    ]);
    expect(changed(of())).toEqual([]);
    expect(changed(undefined)).toEqual(["pod template"]);
    const cluster = exampleCluster();
    const annotations = { "kvcluster.dev/restart": "2026-01-01" };
    const asked = { ...cluster, metadata: { ...cluster.metadata, annotations } };
    expect(changedInputs(restartInputs(cluster), asked)).toEqual(["restart annotation"]);
  });

  it("of earlier operators, which counted all of the configuration, are still current", () => {
    const before = "5b9bc4ba528108e4.08f44b07b5901a25.5952cf4700ff042a.1403b7ec03b355f6.5b9bc4ba528108e4";
    expect(changed(before)).toEqual([]);
    expect(changed(before, { config: { databases: "4" } })).toEqual(["configuration"]);
  });

  it("tell the mode that a pod was made for, which older pods do not name", () => {
    const alone = of({ mode: "Standalone" });
    expect(changed(alone, { mode: "Replication" })).toEqual(["mode"]);
    expect(changed(alone, { mode: "Standalone" })).toEqual([]);
    expect(changed(of(), { mode: "Standalone" })).toEqual(["mode"]);
    expect([modeOfPod(of()), modeOfPod(alone)]).toEqual([["Cluster"], ["Standalone"]]);
    expect(modeOfPod(undefined)).toHaveLength(3);
  });

  it("leave out what changes while servers run", () => {
    const config = { appendonly: "yes", "slave-priority": "7" };
    expect(of({ config, memory: { maxMemory: "1Gi", policy: "allkeys-lru" } })).toBe(of());
    expect(of({ config: { ...config, databases: "4" } })).not.toBe(of());
    expect(of({ config: { "of-a-newer-server": "1" } })).not.toBe(of());
  });

  it("leave out what needs no restart, and the order of members", () => {
    expect(of({ replicasPerShard: 3, shards: 5, paused: true, storage: { size: "9Gi" } })).toBe(of());
    const limits = [
      { cpu: 1, memory: "1Gi" },
      { memory: "1Gi", cpu: 1 },
    ];
    expect(of({ resources: { limits: limits[0] } })).toBe(of({ resources: { limits: limits[1] } }));
  });
});
