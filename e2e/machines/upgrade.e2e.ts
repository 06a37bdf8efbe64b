// From the previous chart to this one, and then to another server image, while a client writes: the operator changes and no server
// restarts; servers restart when their image is asked to change, and no write is lost.
// e2e/run brings the previous tree and its images (PREVIOUS names the commit).
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { conditionOf, getObject, kubectl, mustRun, variables } from "../harness/kubectl.ts";
import { describeLoad } from "../harness/load.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";

const E2E = join(import.meta.dirname, "..");
const PREVIOUS = join(E2E, "../.cache/previous/e2e");
const NEXT_IMAGE = process.env.NEXT_SERVER_IMAGE ?? "kvcluster/server:next";
/** Long enough for the new operator to have looked at the cluster several times. */
const SETTLE_MS = 45_000;
const it = scene("upgrade");

beforeAll(async () => {
  await installOperator(PREVIOUS, "previous");
  await it.apply(clusterManifest("kept"));
  await it.ready("kept", 180_000);
});

afterAll(() => installOperator(E2E, "dev"));

test("the new chart restarts no server, and a new server image is rolled out without a lost write", {
  timeout: 900_000,
}, async () => {
  explainFailure(it.namespace);
  const before = await it.podUids("kept");
  const load = await it.load("kept");
  try {
    await installOperator(E2E, "dev");
    await delay(SETTLE_MS);
    await it.ready("kept", 60_000);
    expect(await it.podUids("kept")).toEqual(before);
    expect(await restarts()).toEqual(before.map(() => 0));
    process.stderr.write(`previous chart to this chart: 0 of ${before.length} servers restarted\n`);
    await it.edit("kept", { image: NEXT_IMAGE });
    await eventually("servers of the new image", { withinMs: 300_000 }, async () => {
      const cluster = await getObject<KVCluster>(it.namespace, "kvc/kept");
      expect(cluster.status?.observedGeneration).toBe(cluster.metadata.generation);
      expect([conditionOf(cluster, "UpToDate"), conditionOf(cluster, "Ready")]).toEqual(["True", "True"]);
      expect((await it.podUids("kept")).filter((uid) => before.includes(uid))).toEqual([]);
    });
    const report = await load.end();
    process.stderr.write(`${describeLoad("upgrade of operator and servers", report)}\n`);
    expect({ lost: report.lost, errors: report.errors }).toEqual({ lost: [], errors: {} });
    expect(report.checked).toBeGreaterThan(1_000);
  } finally {
    load.kill();
  }
});

/** The chart of a tree, as `make e2e` installs it, with its own resource definitions and images. */
async function installOperator(e2e: string, tag: string): Promise<void> {
  const images = { OPERATOR_IMAGE: `kvcluster/operator:${tag}`, SERVER_IMAGE: `kvcluster/server:${tag}` };
  await mustRun("env", [...variables(images), "bash", "-euc", `. ${e2e}/cluster.sh; install_operator`]);
}

async function restarts(): Promise<readonly number[]> {
  const path = "jsonpath={.items[*].status.containerStatuses[0].restartCount}";
  const servers = "kvcluster.dev/cluster=kept,kvcluster.dev/shard";
  return (await kubectl("-n", it.namespace, "get", "pods", "-l", servers, "-o", path)).trim().split(" ").map(Number);
}
