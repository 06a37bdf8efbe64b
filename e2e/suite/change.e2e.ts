// Changes of a running cluster while a client writes: more shards, fewer shards, a restart of all servers, another image.
// Nothing that was acknowledged is lost, and the client sees no error.
import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { conditionOf, getObject, kubectl, listObjects } from "../harness/kubectl.ts";
import { describeLoad } from "../harness/load.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";

const CHANGE_MS = 300_000;
/** What all run, under another name: which image a server runs is all that the operator looks at. */
const NEXT_IMAGE = process.env.NEXT_SERVER_IMAGE ?? "kvcluster/server:next";
const SERVERS = ["-l", "kvcluster.dev/cluster=busy,kvcluster.dev/shard"];
const IMAGES = "jsonpath={.items[*].spec.containers[0].image}";
const it = scene("change");

beforeAll(async () => {
  await it.apply(clusterManifest("busy"));
  await it.ready("busy", 180_000);
});

describe("a directive that servers change while they run", () => {
  const shown = async () => (await it.redisCli("busy", ["config", "get", "maxmemory", "slowlog-max-len"])).split(/\s+/);

  test("changes on all servers, and no pod restarts", { timeout: 150_000 }, async () => {
    explainFailure(it.namespace);
    const before = await it.podUids("busy");
    await it.edit("busy", { memory: { maxMemory: "64Mi" }, config: { "slowlog-max-len": "64" } });
    await eventually("the new values", { withinMs: 60_000 }, async () => {
      expect(await shown()).toEqual(expect.arrayContaining(["67108864", "64"]));
    });
    await it.edit("busy", { memory: { maxMemory: null }, config: null });
    await eventually("the old values", { withinMs: 60_000 }, async () => {
      expect(await shown()).toEqual(expect.arrayContaining(["0", "128"]));
    });
    expect(await it.podUids("busy")).toEqual(before);
  });
});

describe("a cluster under writes", () => {
  test("goes from 3 to 5 shards", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    await underLoad("3 to 5 shards", async () => {
      await kubectl("-n", it.namespace, "scale", "kvc/busy", "--replicas", "5");
      await settled(["Balanced", "Ready"], 10);
    });
    await check(5);
  });

  test("goes back to 3 shards: two are drained and removed with their volumes", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    await underLoad("5 to 3 shards", async () => {
      await kubectl("-n", it.namespace, "scale", "kvc/busy", "--replicas", "3");
      await settled(["Balanced", "Ready"], 6);
    });
    await check(3);
    await eventually("the volumes of shards 3 and 4 gone", { withinMs: 60_000 }, async () => {
      const left = await listObjects(it.namespace, "pvc", "kvcluster.dev/cluster=busy,kvcluster.dev/shard in (3,4)");
      expect(left.map(({ metadata }) => metadata.name)).toEqual([]);
    });
  });

  test("restarts all of its servers, one after another", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    await rolled("a rolling restart", () =>
      kubectl("-n", it.namespace, "annotate", "kvc/busy", "kvcluster.dev/restart=now"),
    );
  });

  test("gets another server image, one server after another", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    await rolled("another server image", () => it.edit("busy", { image: NEXT_IMAGE }));
    const images = await kubectl("-n", it.namespace, "get", "pods", ...SERVERS, "-o", IMAGES);
    expect(new Set(images.trim().split(" "))).toEqual(new Set([NEXT_IMAGE]));
  });
});

/** Every pod is another one after the change, and no client has noticed. */
async function rolled(what: string, change: () => Promise<unknown>): Promise<void> {
  const before = await it.podUids("busy");
  await underLoad(what, async () => {
    await change();
    await eventually("a restart that is due", { withinMs: 30_000 }, async () => {
      expect((await it.podUids("busy")).filter((uid) => !before.includes(uid))).not.toEqual([]);
    });
    await settled(["UpToDate", "Ready"], 6);
  });
  expect((await it.podUids("busy")).filter((uid) => before.includes(uid))).toEqual([]);
  await check(3);
}

/** A client writes from before the change until after it: it sees no error, and nothing that was acknowledged is lost. */
async function underLoad(what: string, change: () => Promise<void>): Promise<void> {
  const load = await it.load("busy");
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
    const cluster = await getObject<KVCluster>(it.namespace, "kvc/busy");
    const facts = conditions.map((type) => `${type}=${conditionOf(cluster, type)}`);
    expect([...facts, (await it.pods("busy")).length, cluster.status?.observedGeneration]).toEqual([
      ...conditions.map((type) => `${type}=True`),
      pods,
      cluster.metadata.generation,
    ]);
  });
}

async function check(shards: number): Promise<void> {
  const cluster = await getObject<KVCluster>(it.namespace, "kvc/busy");
  expect(cluster.status).toMatchObject({ slotsAssigned: 16384, shards });
  const environment = `REDISCLI_AUTH=${await it.password("busy")}`;
  await eventually("redis-cli content with the cluster", { withinMs: 60_000 }, async () => {
    const printed = await it.client(["env", environment, "redis-cli", "--cluster", "check", "busy:6379"]);
    expect(printed.stdout).toContain("All 16384 slots covered");
    const slots = [...printed.stdout.matchAll(/\((\d+) slots\) master/g)].map((match) => Number(match[1]));
    expect(slots).toHaveLength(shards);
    for (const count of slots) expect(Math.abs(count * shards - 16384)).toBeLessThan(16384 / 100);
  });
}
