// One operator with fifty clusters: how much memory it needs, and how long it looks at each. The clusters are of one real server
// each, without volumes, so that they find room on one machine.
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { conditionOf, kubectl, listObjects } from "../harness/kubectl.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";
import { OPERATOR_NAMESPACE, operators } from "./servers.ts";

const CLUSTERS = 50;
const AT_ONCE = 10;
const MEGABYTES = 250;
const PASS_MS = 50;
const MEASURED_MS = 60_000;
const it = scene("many");

beforeAll(async () => {
  for (let first = 0; first < CLUSTERS; first += AT_ONCE) {
    await it.apply(Array.from({ length: AT_ONCE }, (_, i) => manifest(first + i)).join("\n---\n"));
    await allReady(first + AT_ONCE);
  }
}, 1_200_000);

test("an operator with 50 clusters needs less than 250 MB, and less than 50 ms a pass", {
  timeout: 300_000,
}, async () => {
  explainFailure(it.namespace);
  const before = await operatorMetrics();
  await kubectl("-n", it.namespace, "annotate", "kvc", "--all", "example.com/look=again", "--overwrite");
  await delay(MEASURED_MS);
  const after = await operatorMetrics();
  const passes = after.passes - before.passes;
  const milliseconds = ((after.seconds - before.seconds) * 1_000) / passes;
  const megabytes = Math.max(before.bytes, after.bytes) / 1_000_000;
  process.stderr.write(
    `operator with ${CLUSTERS} clusters: ${megabytes.toFixed(0)} MB, ${milliseconds.toFixed(1)} ms a pass (${passes} passes), ` +
      `${(((after.cpu - before.cpu) * 1_000) / passes).toFixed(1)} ms of CPU\n`,
  );
  expect(passes).toBeGreaterThanOrEqual(CLUSTERS);
  expect(megabytes).toBeLessThan(MEGABYTES);
  expect(milliseconds).toBeLessThan(PASS_MS);
});

function manifest(number: number): string {
  return JSON.stringify({
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVCluster",
    metadata: { name: `many-${number}` },
    spec: { shards: 1, replicasPerShard: 0, storage: { type: "Ephemeral", size: "64Mi" } },
  });
}

async function allReady(count: number): Promise<void> {
  await eventually(`${count} clusters Ready`, { withinMs: 240_000, everyMs: 2_000 }, async () => {
    const clusters = await listObjects<KVCluster>(it.namespace, "kvc");
    expect(clusters.filter((cluster) => conditionOf(cluster, "Ready") === "True")).toHaveLength(count);
  });
}

/** As Prometheus would read them. */
async function operatorMetrics() {
  const [operator] = await operators();
  const pods = `/api/v1/namespaces/${OPERATOR_NAMESPACE}/pods`;
  const text = await kubectl("get", "--raw", `${pods}/${operator?.pod}:8080/proxy/metrics`);
  const value = (start: string) =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(start))
        ?.split(" ")[1],
    );
  const of = 'controller="cluster"';
  return {
    bytes: value("process_resident_memory_bytes "),
    cpu: value("process_cpu_seconds_total "),
    seconds: value(`kv_operator_reconcile_duration_seconds_sum{${of}}`),
    passes: value(`kv_operator_reconcile_duration_seconds_count{${of}}`),
  };
}
