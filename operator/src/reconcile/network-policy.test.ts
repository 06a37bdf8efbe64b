import { afterEach, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { CLUSTER, type SimulatedKubernetes, startSimulatedKubernetes } from "./simulated-kubernetes.ts";

let world: SimulatedKubernetes;

afterEach(async () => {
  await world.stop();
});

const policy = () => world.server.find(RESOURCE_KINDS.NetworkPolicy, CLUSTER.namespace, "kv-servers");
const change = (mode: string) =>
  world.server.change(world.cluster(), { spec: { networking: { networkPolicy: { mode } } } });

it("a network policy comes and goes as the spec asks, restarts nothing, and settles", async () => {
  world = await startSimulatedKubernetes({});
  await world.settle();
  const pods = () => world.pods().map(({ metadata }) => metadata.uid);
  const before = pods();
  expect(policy()).toBeUndefined();
  change("Restricted");
  await world.settle();
  expect(policy()).toBeDefined();
  const version = world.server.resourceVersion;
  await world.pass();
  expect(world.server.resourceVersion).toBe(version);
  change("Disabled");
  await world.settle();
  expect(policy()).toBeUndefined();
  expect(pods()).toEqual(before);
});
