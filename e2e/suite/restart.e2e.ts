// Pods die and come back with new addresses: one of them, then all at once. Nobody helps, and no key is lost.
import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { kubectl } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";

const KEYS = 20_000;
const READY_AGAIN_WITHIN_MS = 90_000;
const it = scene("restart");

beforeAll(async () => {
  await it.apply(clusterManifest("restart"));
  await it.ready("restart", 90_000);
  expect(await it.keys("restart", "write", KEYS)).toBe(`${KEYS} keys written\n`);
});

describe("a cluster whose pods are deleted", () => {
  test("is Ready again after one primary was deleted, with every key", async () => {
    explainFailure(it.namespace);
    const cluster = await it.ready("restart", 1_000);
    await deleteAndAwaitSuccessors([cluster.status?.shardStatus?.[0]?.primary ?? ""]);
    await it.ready("restart", READY_AGAIN_WITHIN_MS);
    expect(await it.keys("restart", "check", KEYS)).toBe(`${KEYS} keys as written\n`);
  });

  test("is Ready again after all pods were deleted at once, with every key", async () => {
    explainFailure(it.namespace);
    const pods = await it.pods("restart");
    expect(pods).toHaveLength(6);
    await deleteAndAwaitSuccessors(pods.map((pod) => pod.metadata.name));
    await it.ready("restart", READY_AGAIN_WITHIN_MS);
    expect(await it.keys("restart", "check", KEYS)).toBe(`${KEYS} keys as written\n`);
    const report = await it.redisCli("restart", ["--cluster", "check", "restart:6379"]);
    expect(report).toContain("[OK] All 16384 slots covered");
  });
});

/** Until each has a pod of the same name and another uid: only then does Ready speak of the new ones. */
async function deleteAndAwaitSuccessors(names: readonly string[]): Promise<void> {
  const before = new Map((await it.pods("restart")).map((pod) => [pod.metadata.name, pod.metadata.uid]));
  await kubectl("-n", it.namespace, "delete", "pod", ...names, "--wait=false");
  await eventually("successors of the deleted pods", { withinMs: READY_AGAIN_WITHIN_MS }, async () => {
    const now = new Map((await it.pods("restart")).map((pod) => [pod.metadata.name, pod.metadata.uid]));
    const waiting = names.filter((name) => !now.has(name) || now.get(name) === before.get(name));
    if (waiting.length > 0) throw new Error(`no successor yet of ${waiting.join(", ")}`);
  });
}
