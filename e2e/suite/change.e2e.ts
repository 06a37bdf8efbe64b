// Changes of a running cluster while a client writes: more shards, fewer shards, a restart of all servers. Nothing that was
// acknowledged is lost.
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { clientScript } from "../harness/client-script.ts";
import { eventually } from "../harness/eventually.ts";
import { conditionOf, getObject, kubectl, listObjects } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";

const LOAD = clientScript("load.py");
/** Shorter than a run of the client may take. */
const LOAD_SECONDS = 170;
const CHANGE_MS = 300_000;
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
  afterEach(() => it.redisCli("busy", ["-c", "del", "stop"]));

  test("gets a shard more", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    const printed = await underLoad(async () => {
      await kubectl("-n", it.namespace, "scale", "kvc/busy", "--replicas", "4");
      await settled(["Balanced", "Ready"], 8);
    });
    expect(printed).toMatch(/^\d+ writes, none lost/);
    await check(4);
  });

  test("loses a shard, which is drained and removed with its volumes", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    const printed = await underLoad(async () => {
      await kubectl("-n", it.namespace, "scale", "kvc/busy", "--replicas", "3");
      await settled(["Balanced", "Ready"], 6);
    });
    expect(printed).toMatch(/^\d+ writes, none lost/);
    await check(3);
    await eventually("the volumes of shard 3 gone", { withinMs: 60_000 }, async () => {
      const left = await listObjects(it.namespace, "pvc", "kvcluster.dev/cluster=busy,kvcluster.dev/shard=3");
      expect(left.map(({ metadata }) => metadata.name)).toEqual([]);
    });
  });

  test("restarts all of its servers, one after another", { timeout: 600_000 }, async () => {
    explainFailure(it.namespace);
    const before = await it.podUids("busy");
    const printed = await underLoad(async () => {
      await kubectl("-n", it.namespace, "annotate", "kvc/busy", "kvcluster.dev/restart=now");
      await eventually("a restart that is due", { withinMs: 30_000 }, async () => {
        expect((await it.podUids("busy")).filter((uid) => !before.includes(uid))).not.toEqual([]);
      });
      await settled(["UpToDate", "Ready"], 6);
    });
    expect(printed).toMatch(/^\d+ writes, none lost/);
    expect((await it.podUids("busy")).filter((uid) => before.includes(uid))).toEqual([]);
    await check(3);
  });
});

/** What the client printed that wrote from before the change until after it. */
async function underLoad(change: () => Promise<void>): Promise<string> {
  const environment = { HOST: "busy", PASSWORD: await it.password("busy") };
  const load = it.python(LOAD, environment, [`${LOAD_SECONDS}`]);
  load.catch(() => undefined);
  await change();
  await it.redisCli("busy", ["-c", "set", "stop", "1"]);
  const printed = await load;
  process.stderr.write(printed);
  return printed;
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
    expect(printed.stdout.match(/^M: /gm)).toHaveLength(shards);
  });
}
