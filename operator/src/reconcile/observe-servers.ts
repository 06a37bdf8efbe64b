/**
 * Asks every server what it knows. All pods that should exist are in the view, the missing ones
 * too, and pods beyond the spec as long as they exist, because they may still hold data. A server that does not answer is
 * simply not observed; the plan decides what that means. Neither is a server that turns out to be another one: an address
 * in a lagging cache may belong to a pod of another cluster by now, and meeting that one would join the two.
 */

import { SHARD_LABEL } from "../api/labels.ts";
import type { KvSession } from "../kv/kv-session.ts";
import { NodeCommandError } from "../kv/node-connection.ts";
import { BUS_PORT, CLIENT_PORT } from "../resources/manifest.ts";
import { headlessServiceName, podHost, podName, statefulSetName } from "../resources/names.ts";
import type { NodeObservation, PodView } from "../topology/cluster-view.ts";
import { type Pod, processOf, provenProcessOf } from "./pod.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

/** Connections opened at the same time. */
const MAX_PARALLEL = 32;

export const observeServers: Step = {
  name: "observe servers",
  changes: false,
  run: async (pass) => {
    const places = placesOf(pass);
    const views: PodView[] = [];
    for (let start = 0; start < places.length; start += MAX_PARALLEL) {
      const batch = places.slice(start, start + MAX_PARALLEL);
      views.push(...(await Promise.all(batch.map((place) => observe(pass, place)))));
    }
    pass.podViews = views;
    return PROCEED;
  },
};

interface Place {
  readonly name: string;
  readonly shard: number;
  readonly ordinal: number;
  readonly pod: Pod | undefined;
}

function placesOf({ cluster, dependencies, name }: Pass): readonly Place[] {
  const pods = dependencies.store.pods(name);
  const places: Place[] = [];
  for (const shard of shardsOf({ cluster, dependencies, name }, pods)) {
    const prefix = `${statefulSetName(name.name, shard)}-`;
    const ordinals = pods
      .filter(({ metadata }) => metadata.name.startsWith(prefix))
      .map(({ metadata }) => Number(metadata.name.slice(prefix.length)));
    // A shard that leaves is not made complete again.
    const wanted = shard < cluster.spec.shards ? cluster.spec.replicasPerShard : -1;
    for (let ordinal = 0; ordinal <= wanted; ordinal++) ordinals.push(ordinal);
    for (const ordinal of [...new Set(ordinals)].filter(Number.isInteger).sort((a, b) => a - b)) {
      const podOf = podName(name.name, shard, ordinal);
      places.push({ name: podOf, shard, ordinal, pod: pods.find(({ metadata }) => metadata.name === podOf) });
    }
  }
  return places;
}

/** Those that the spec asks for, and those beyond it as long as there is something of them. */
function shardsOf(
  { cluster, dependencies, name }: Pick<Pass, "cluster" | "dependencies" | "name">,
  pods: readonly Pod[],
): readonly number[] {
  const sets = dependencies.store.children(name).filter(({ kind }) => kind === "StatefulSet");
  const labelled = [...sets, ...pods].map(({ metadata }) => Number(metadata.labels?.[SHARD_LABEL] ?? 0));
  const wanted = Array.from({ length: cluster.spec.shards }, (_, shard) => shard);
  return [...new Set([...wanted, ...labelled])].filter(Number.isInteger).sort((a, b) => a - b);
}

async function observe(pass: Pass, { name, shard, ordinal, pod }: Place): Promise<PodView> {
  const ip = pod?.status?.podIP;
  const process = pass.cluster.spec.mode === "Cluster" ? processOf(pod) : provenProcessOf(pod);
  const view = { pod: name, shard, ordinal, process };
  if (ip === undefined || ip === "") return { ...view, address: undefined, node: undefined };
  const hostname = podHost(pass.cluster, name, pass.options.clusterDomain);
  const address = { ip, port: CLIENT_PORT, busPort: BUS_PORT, hostname };
  return { ...view, address, node: await ask(pass, name, ip) };
}

async function ask(pass: Pass, pod: string, host: string): Promise<NodeObservation | undefined> {
  const { log } = pass.dependencies;
  try {
    const session = await open(pass, pod, host);
    pass.sessions.set(pod, session);
    const node = await (pass.cluster.spec.mode === "Cluster" ? session.observe() : session.observeMember());
    if (isOurs(pass, pod, node)) return node;
    log.warn("Ignored server at the address of a pod: it announces another host name", { pod, host });
    return undefined;
  } catch (error) {
    log.debug("Failed to observe server", { pod, error });
    return undefined;
  }
}

/** A server that restarted while passwords changed may know the old one only: it is reached by that, and told later. */
async function open(pass: Pass, pod: string, host: string): Promise<KvSession> {
  const { openSession } = pass.dependencies;
  // A password is for those alone who have shown that they are of the cluster.
  if (pass.cluster.spec.tls !== undefined && pass.identity === undefined) throw new Error("No authority is known");
  const endpoint = { host, port: CLIENT_PORT, identity: pass.identity };
  try {
    return await openSession({ ...endpoint, password: pass.password });
  } catch (error) {
    if (pass.oldPassword === undefined || !(error instanceof NodeCommandError)) throw error;
    const session = await openSession({ ...endpoint, password: pass.oldPassword.password });
    pass.laggingPods.add(pod);
    return session;
  }
}

/** Compares the host name up to the namespace; what follows depends on settings that may differ between two restarts. */
function isOurs({ cluster, name }: Pass, pod: string, { entries }: NodeObservation): boolean {
  const announced = entries.find(({ flags }) => flags.has("myself"))?.hostname;
  return (
    announced === undefined ||
    announced.startsWith(`${pod}.${headlessServiceName(name.name)}.${cluster.metadata.namespace}.`)
  );
}
