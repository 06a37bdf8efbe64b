/**
 * For tests: what StatefulSet controller and kubelets do for the servers of a simulated group. Pods come and go with their set, each
 * server starts as its pod's arguments say, and pods are ready when their servers are.
 */

import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { FakeApiServer } from "../runtime/fake-api-server.ts";
import type { Leaving, SimulatedGroup, SimulatedServer } from "../topology/simulated-group.ts";
import type { Pod } from "./pod.ts";

export interface MemberWorld {
  readonly server: FakeApiServer;
  readonly group: SimulatedGroup;
  readonly cluster: { readonly namespace: string; readonly name: string };
  /** Pods that there were. */
  readonly made: Set<string>;
  readonly podFrom: (set: MemberSet, name: string) => Pod;
  readonly restarted: (id: string) => void;
  /** It starts as a node of a cluster now. */
  readonly leave: (pod: string, leaving: Leaving) => void;
}

export interface MemberSet extends KubernetesObject {
  readonly status?: { readonly observedGeneration?: number | undefined };
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: { labels: Record<string, string>; annotations: Record<string, string> };
      readonly spec: NonNullable<Pod["spec"]>;
    };
  };
}

export function runMembers(world: MemberWorld): void {
  const { server, group, cluster, made } = world;
  const set = server.find<MemberSet>(RESOURCE_KINDS.StatefulSet, cluster.namespace, `${cluster.name}-0`);
  const replicas = set?.spec.replicas ?? 0;
  const isOfCluster = set !== undefined && !isMadeFor(set.spec.template.spec, "--replica-announce-ip");
  while (!isOfCluster && group.servers.length < replicas) group.addServer();
  for (const one of [...group.servers]) {
    const existing = server.find<Pod>(RESOURCE_KINDS.Pod, cluster.namespace, one.pod);
    if (set === undefined || one.ordinal >= replicas) {
      if (existing !== undefined) server.remove(existing);
      if (one.isAlive) group.stop(one);
      continue;
    }
    if (existing === undefined && isOfCluster) {
      world.leave(one.pod, group.leave(one));
      continue;
    }
    const pod = existing ?? server.seed(world.podFrom(set, one.pod));
    if (existing === undefined) start(world, one, pod);
    made.add(one.pod);
    tellStatus(world, one, pod);
  }
}

/** A new pod of a name has the volume of the one before, which was stopped in order. */
function start({ group, made, restarted }: MemberWorld, one: SimulatedServer, pod: Pod): void {
  one.isMember = isMadeFor(pod.spec, "--group-lease");
  if (made.has(one.pod) && one.isAlive) group.stop(one);
  group.restart(one);
  restarted(one.runId);
}

function isMadeFor(spec: Pod["spec"], word: string): boolean {
  const words = (spec?.containers ?? []).flatMap((container) => (container as { args?: readonly string[] }).args ?? []);
  return words.includes(word);
}

function tellStatus({ server, group }: MemberWorld, one: SimulatedServer, pod: Pod): void {
  const isServing = group.isWritable(one) || one.linkUp;
  const status = {
    phase: "Running",
    podIP: `ip-${one.pod}`,
    conditions: [{ type: "Ready", status: one.isAlive && isServing ? "True" : "False" }],
    containerStatuses: [
      one.isAlive
        ? { state: { running: {} } }
        : { state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: { terminated: { exitCode: 1 } } },
    ],
  };
  if (JSON.stringify(pod.status) !== JSON.stringify(status)) server.setStatus(pod, status);
}
