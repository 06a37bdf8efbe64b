// A manifest becomes a serving cluster: Ready in time, all slots, and what kubectl shows of it.
import { describe, expect, test } from "vitest";
import { kubectl } from "../harness/kubectl.ts";
import { example, readmeBlocks } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";

const READY_WITHIN_MS = 45_000;
const it = scene("ready");

describe("examples/minimal.yaml", () => {
  test("is Ready within 45 s, with three shards of a primary and a replica, and all slots", async () => {
    explainFailure(it.namespace);
    const started = performance.now();
    await it.apply(example("minimal.yaml"));
    const cluster = await it.ready("minimal", READY_WITHIN_MS);
    expect(performance.now() - started).toBeLessThan(READY_WITHIN_MS);
    expect(cluster.status).toMatchObject({ slotsAssigned: 16384, readyInstances: 6, ready: "6/6" });
    const shards = cluster.status?.shardStatus ?? [];
    expect(shards.map(({ index, replicas }) => ({ index, replicas: replicas?.length }))).toEqual([
      { index: 0, replicas: 1 },
      { index: 1, replicas: 1 },
      { index: 2, replicas: 1 },
    ]);
    expect(new Set(shards.flatMap(({ primary, replicas }) => [primary, ...(replicas ?? [])])).size).toBe(6);
  });

  test("shows mode, shards, ready pods and phase in `kubectl get kvc`", async () => {
    const lines = (await kubectl("-n", it.namespace, "get", "kvc")).trim().split("\n");
    expect(lines[0]?.split(/\s{2,}/)).toEqual(["NAME", "MODE", "SHARDS", "READY", "PHASE", "AGE"]);
    expect(lines[1]?.split(/\s+/).slice(0, 5)).toEqual(["minimal", "Cluster", "3", "6/6", "Ready"]);
  });

  test("serves the Python example of the README as printed", async () => {
    explainFailure(it.namespace);
    const [program, ...others] = readmeBlocks("python");
    expect(others).toEqual([]);
    const printed = await it.python(program ?? "", { PASSWORD: await it.password("minimal") });
    expect(printed).toBe("b'hello' {b'name': b'Ada', b'born': b'1815'} [b'ada', b'bob']\n");
  });

  test("is clean to `redis-cli --cluster check`", async () => {
    explainFailure(it.namespace);
    const report = await it.redisCli("minimal", ["--cluster", "check", "minimal:6379"]);
    expect(report).toContain("[OK] All nodes agree about slots configuration");
    expect(report).toContain("[OK] All 16384 slots covered");
    expect(report).not.toMatch(/\[(ERR|WARNING)\]/);
  });
});
