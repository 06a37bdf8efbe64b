// Changes of a running cluster while a client writes: more shards, fewer shards, a restart of all servers, another image.
// Nothing that was acknowledged is lost, and the client sees no error.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { conditionOf, getObject, kubectl, listObjects } from "../harness/kubectl.ts";
import { describeLoad } from "../harness/load.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";
import { printed } from "../pages/page.ts";
import { openShell, type Shell } from "../pages/shell.ts";

const CHANGE_MS = 300_000;
/** What all run, under another name: which image a server runs is all that the operator looks at. */
const NEXT_IMAGE = process.env.NEXT_SERVER_IMAGE ?? "kvcluster/server:next";
const SERVERS = ["-l", "kvcluster.dev/cluster=minimal,kvcluster.dev/shard"];
const IMAGES = "jsonpath={.items[*].spec.containers[0].image}";
const it = scene("change");
let shell: Shell;

beforeAll(async () => {
  shell = await openShell(it.namespace);
  await it.apply(clusterManifest("minimal"));
  await it.ready("minimal", 180_000);
});
afterAll(() => shell.close());

describe("a directive that servers change while they run", () => {
  const shown = async () =>
    (await it.redisCli("minimal", ["config", "get", "maxmemory", "slowlog-max-len"])).split(/\s+/);

  test("changes on all servers, and no pod restarts", { timeout: 150_000 }, async () => {
    explainFailure(it.namespace);
    const before = await it.podUids("minimal");
    await it.edit("minimal", { memory: { maxMemory: "64Mi" }, config: { "slowlog-max-len": "64" } });
    await eventually("the new values", { withinMs: 60_000 }, async () => {
      expect(await shown()).toEqual(expect.arrayContaining(["67108864", "64"]));
    });
    await it.edit("minimal", { memory: { maxMemory: null }, config: null });
    await eventually("the old values", { withinMs: 60_000 }, async () => {
      expect(await shown()).toEqual(expect.arrayContaining(["0", "128"]));
    });
    expect(await it.podUids("minimal")).toEqual(before);
  });
});

describe("a cluster under writes", () => {
  test("goes from 3 to 5 shards, as the README says", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    await underLoad("3 to 5 shards", async () => {
      await shell.run(printed("README.md", "kubectl scale kvcluster minimal --replicas 5"));
      await settled(["Balanced", "Ready"], 10);
    });
    await check(5);
  });

  test("goes back to 3 shards: two are drained and removed with their volumes", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    await underLoad("5 to 3 shards", async () => {
      await kubectl("-n", it.namespace, "scale", "kvc/minimal", "--replicas", "3");
      await settled(["Balanced", "Ready"], 6);
    });
    await check(3);
    await eventually("the volumes of shards 3 and 4 gone", { withinMs: 60_000 }, async () => {
      const left = await listObjects(it.namespace, "pvc", "kvcluster.dev/cluster=minimal,kvcluster.dev/shard in (3,4)");
      expect(left.map(({ metadata }) => metadata.name)).toEqual([]);
    });
  });

  test("restarts all of its servers, one after another, as the README says", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    await rolled("a rolling restart", async () => {
      const before = await it.podUids("minimal");
      await shell.run(printed("README.md", "kubectl annotate kvcluster minimal kvcluster.dev/restart"));
      const left = (await it.podUids("minimal")).filter((uid) => before.includes(uid));
      expect(left, "servers that the commands did not wait for").toEqual([]);
    });
  });

  test("gets another server image, one server after another", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    await rolled("another server image", () => it.edit("minimal", { image: NEXT_IMAGE }));
    const images = await kubectl("-n", it.namespace, "get", "pods", ...SERVERS, "-o", IMAGES);
    expect(new Set(images.trim().split(" "))).toEqual(new Set([NEXT_IMAGE]));
  });
});

/** Every pod is another one after the change, and no client has noticed. */
async function rolled(what: string, change: () => Promise<unknown>): Promise<void> {
  const before = await it.podUids("minimal");
  await underLoad(what, async () => {
    await change();
    await eventually("a restart that is due", { withinMs: 30_000 }, async () => {
      expect((await it.podUids("minimal")).filter((uid) => !before.includes(uid))).not.toEqual([]);
    });
    await settled(["UpToDate", "Ready"], 6);
  });
  expect((await it.podUids("minimal")).filter((uid) => before.includes(uid))).toEqual([]);
  await check(3);
}

/** A client writes from before the change until after it: it sees no error, and nothing that was acknowledged is lost. */
async function underLoad(what: string, change: () => Promise<void>): Promise<void> {
  const load = await it.load("minimal");
  try {
    await change();
    const report = await load.end();
    process.stderr.write(`${describeLoad(what, report)}\n`);
    expect({ lost: report.lost, errors: report.errors }).toEqual({ lost: [], errors: {} });
    expect(report.checked).toBeGreaterThan(1_000);
  } finally {
    load.kill();
  }
}

async function settled(conditions: readonly string[], pods: number): Promise<void> {
  await eventually(`${conditions.join(", ")} with ${pods} pods`, { withinMs: CHANGE_MS }, async () => {
    const cluster = await getObject<KVCluster>(it.namespace, "kvc/minimal");
    const facts = conditions.map((type) => `${type}=${conditionOf(cluster, type)}`);
    expect([...facts, (await it.pods("minimal")).length, cluster.status?.observedGeneration]).toEqual([
      ...conditions.map((type) => `${type}=True`),
      pods,
      cluster.metadata.generation,
    ]);
  });
}

async function check(shards: number): Promise<void> {
  const cluster = await getObject<KVCluster>(it.namespace, "kvc/minimal");
  expect(cluster.status).toMatchObject({ slotsAssigned: 16384, shards });
  const environment = `REDISCLI_AUTH=${await it.password("minimal")}`;
  await eventually("redis-cli content with the cluster", { withinMs: 60_000 }, async () => {
    const printed = await it.client(["env", environment, "redis-cli", "--cluster", "check", "minimal:6379"]);
    expect(printed.stdout).toContain("All 16384 slots covered");
    const slots = [...printed.stdout.matchAll(/\((\d+) slots\) master/g)].map((match) => Number(match[1]));
    expect(slots).toHaveLength(shards);
    for (const count of slots) expect(Math.abs(count * shards - 16384)).toBeLessThan(16384 / 100);
  });
}
