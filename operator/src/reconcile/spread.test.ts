import { expect, it } from "vitest";
import type { SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, keysOf, until, worlds } from "./simulated-life.ts";

const startWorld = worlds();
const MACHINES = ["10.9.0.1", "10.9.0.2", "10.9.0.3"];

/** The first pod of each shard on one machine, the second on the next. */
async function start(spec: Readonly<Record<string, unknown>> = {}): Promise<SimulatedKubernetes> {
  const seen = await startWorld({ shards: 3, replicasPerShard: 2, ...spec });
  for (const { pod, ordinal } of seen.servers.nodes) seen.outside.nodeAddresses.set(pod, MACHINES[ordinal] ?? "");
  return seen;
}

const machinesOf = ({ servers, outside }: SimulatedKubernetes) =>
  servers.nodes.flatMap(({ pod, slots }) => (slots.length > 0 ? [outside.nodeAddresses.get(pod)] : [])).sort();
const failoversOf = ({ actions }: SimulatedKubernetes) => actions.filter(({ kind }) => kind === "Failover").length;

it("primaries move apart when one machine has most of them, once, and nothing is lost", async () => {
  const seen = await start();
  await until(seen, () => conditionIn(seen, "Ready") === "True Serving");
  for (let count = 0; count < 20; count++) seen.servers.write();
  const keys = keysOf(seen);
  await until(seen, () => failoversOf(seen) === 2);
  await seen.settle();
  expect(machinesOf(seen)).toEqual(MACHINES);
  expect(keysOf(seen)).toBe(keys);
  await go(seen, 20);
  expect(failoversOf(seen)).toBe(2);
});

it("a roll comes to its end where primaries move apart in between", async () => {
  const seen = await start();
  await seen.settle();
  const before = failoversOf(seen);
  seen.server.change(seen.cluster(), { spec: { image: "kv-server:2" } });
  await until(seen, () => conditionIn(seen, "UpToDate") === "False RestartPending");
  await until(seen, () => conditionIn(seen, "UpToDate") === "True Current");
  await seen.settle();
  expect(new Set(machinesOf(seen)).size).toBeGreaterThan(1);
  expect(failoversOf(seen) - before).toBeLessThanOrEqual(5);
});

it("primaries stay where people decide on them", async () => {
  const seen = await start({ disruption: { updateStrategy: "Supervised" } });
  await seen.settle();
  await go(seen, 10);
  expect(machinesOf(seen)).toEqual([MACHINES[0], MACHINES[0], MACHINES[0]]);
});
