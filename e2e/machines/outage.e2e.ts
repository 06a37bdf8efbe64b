// A primary is killed, a node with primaries loses its power, while a client writes: how long do writes stand still?
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { kubectl } from "../harness/kubectl.ts";
import { type Load, longestGap } from "../harness/load.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";
import { loadOnMachine } from "./load-on-machine.ts";
import { killServer, powerOff, powerOn } from "./machine.ts";
import { recover } from "./recovery.ts";
import { type Server, serversOf } from "./servers.ts";

const READY_AGAIN_WITHIN_MS = 90_000;
const CLUSTER = "outage";
const it = scene("outage");
let dark: number | undefined;

beforeAll(async () => {
  await it.apply(clusterManifest(CLUSTER));
  await it.ready(CLUSTER, 180_000);
});

afterAll(async () => {
  if (dark !== undefined) await powerOn(dark);
});

describe("writes, without the help of Kubernetes or of the operator,", () => {
  test("resume within 12 s after a primary was killed with its pod", { timeout: 300_000 }, async () => {
    explainFailure(it.namespace);
    await underLoad(async (load) => {
      const [primary] = await primaries();
      await killServer(primary);
      await kubectl("-n", it.namespace, "delete", `pod/${primary?.pod}`, "--force", "--grace-period=0");
      await resumed("primary killed with its pod", load, 12);
    });
  });

  test("resume within 20 s after a node with primaries lost its power", { timeout: 300_000 }, async () => {
    explainFailure(it.namespace);
    await underLoad(async (load) => {
      const there = await primariesOfOneNode();
      dark = Number(there[0]?.machine.slice(1));
      await powerOff(dark);
      await resumed(`node with ${there.length} primaries without power`, load, 20);
      await powerOn(dark);
      dark = undefined;
    });
  });
});

/** The cluster is well again afterwards. */
async function underLoad(outage: (load: Load) => Promise<void>): Promise<void> {
  const load = await loadOnMachine(it, CLUSTER, 0);
  try {
    await outage(load);
    const readyMs = await recover(it, CLUSTER, load, READY_AGAIN_WITHIN_MS);
    expect(readyMs).toBeLessThan(READY_AGAIN_WITHIN_MS);
  } finally {
    load.kill();
  }
}

/** Some range stands still for a while, and then none does. */
async function resumed(what: string, load: Load, withinS: number): Promise<void> {
  let hasStoodStill = false;
  await eventually("writes to all slots", { withinMs: 90_000, everyMs: 250 }, async () => {
    const idle = Math.max(...(await load.idle()));
    hasStoodStill ||= idle > 1;
    if (!hasStoodStill || idle > 0.5) throw new Error(`a range was without a write for ${idle} s`);
  });
  const slowest = longestGap(await load.period());
  process.stderr.write(`${what}: writes to all slots after ${slowest.toFixed(1)} s\n`);
  expect(slowest).toBeLessThan(withinS);
}

async function primaries(): Promise<readonly Server[]> {
  const { status } = await it.ready(CLUSTER, 30_000);
  const names = status?.shardStatus?.map(({ primary }) => primary) ?? [];
  return (await serversOf(it.namespace, CLUSTER)).filter(({ pod }) => names.includes(pod));
}

/** Of the node with the most of them. */
async function primariesOfOneNode(): Promise<readonly Server[]> {
  const all = await primaries();
  const byNode = all.map((one) => all.filter(({ machine }) => machine === one.machine));
  return byNode.reduce((most, some) => (some.length > most.length ? some : most));
}
