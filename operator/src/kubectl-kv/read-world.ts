/**
 * Reads what there is to know about a cluster. Servers are asked through the API server's proxy to the admin port of their
 * pods, which gives numbers and no data: the person needs no password for it, only the right to get pods/proxy. What may
 * not be read is missing from the picture and noted in it.
 */

import { API_VERSION } from "../api/kinds.ts";
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import { CLUSTER_LABEL, COMPONENT_LABEL } from "../api/labels.ts";
import { isApiError } from "../kube/api-error.ts";
import { pathOf, RESOURCE_KINDS, type ResourceKind } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { ADMIN_PORT, SERVER_COMPONENT } from "../resources/manifest.ts";
import type { Context } from "./context.ts";
import { explain, PluginError } from "./plugin-error.ts";
import { parseServerState } from "./server-state.ts";
import type { ServerAnswer, ServerPod, World } from "./world.ts";

type Doors = Pick<Context, "client" | "transport" | "namespace">;

const ANSWER_TIMEOUT_MS = 4000;
/** Each goes through the API server: a large cluster must not take all of its connections. */
const MAX_QUESTIONS_AT_ONCE = 16;

export async function readWorld(doors: Doors, name: string): Promise<World> {
  const cluster = await readCluster(doors, name);
  const refusals: string[] = [];
  const [pods, backups, schedules] = await Promise.all([
    readPods(doors, name),
    listAllowed<KVBackup>(doors, RESOURCE_KINDS.KVBackup, refusals),
    listAllowed<KVScheduledBackup>(doors, RESOURCE_KINDS.KVScheduledBackup, refusals),
  ]);
  return {
    cluster,
    pods,
    servers: await askServers(doors, pods, cluster.spec.tls !== undefined),
    backups: backups.filter(({ spec }) => spec.clusterRef.name === name),
    schedules: schedules.filter(({ spec }) => spec.clusterRef.name === name),
    refusals,
  };
}

export async function readCluster({ client, namespace }: Doors, name: string): Promise<KVCluster> {
  const cluster = await client.get<KVCluster>(RESOURCE_KINDS.KVCluster, { namespace, name });
  if (cluster !== undefined) return { ...cluster, apiVersion: API_VERSION };
  const others = await client.list<KVCluster>(RESOURCE_KINDS.KVCluster, { namespace });
  const known = others.map(({ metadata }) => metadata.name).sort();
  const there = known.length === 0 ? "there is none" : `there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}`;
  throw new PluginError(`KVCluster "${name}" is not in namespace "${namespace}": ${there}`);
}

export async function readPods({ client, namespace }: Doors, cluster: string): Promise<readonly ServerPod[]> {
  const labelSelector = `${CLUSTER_LABEL}=${cluster},${COMPONENT_LABEL}=${SERVER_COMPONENT}`;
  const pods = await client.list<ServerPod>(RESOURCE_KINDS.Pod, { namespace, labelSelector });
  return pods.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

async function listAllowed<T extends KubernetesObject>(
  { client, namespace }: Doors,
  kind: ResourceKind,
  refusals: string[],
): Promise<readonly T[]> {
  try {
    return await client.list<T>(kind, { namespace });
  } catch (error) {
    if (!isApiError(error, "forbidden")) throw error;
    refusals.push(kind.plural);
    return [];
  }
}

export async function askServers(
  doors: Pick<Doors, "transport">,
  pods: readonly ServerPod[],
  isEncrypted: boolean,
): Promise<ReadonlyMap<string, ServerAnswer>> {
  const answers = new Map<string, ServerAnswer>();
  const open = [...pods];
  const work = async (): Promise<void> => {
    for (let pod = open.shift(); pod !== undefined; pod = open.shift()) {
      answers.set(pod.metadata.name, await askServer(doors, pod, isEncrypted ? "https:" : ""));
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_QUESTIONS_AT_ONCE, pods.length) }, work));
  return answers;
}

async function askServer(
  { transport }: Pick<Doors, "transport">,
  pod: ServerPod,
  scheme: "https:" | "",
): Promise<ServerAnswer> {
  const { namespace = "", name } = pod.metadata;
  if (pod.status?.phase !== "Running") return { kind: "silent", reason: "the pod does not run" };
  const path = `${pathOf(RESOURCE_KINDS.Pod, namespace)}/${scheme}${name}:${ADMIN_PORT}/proxy/status`;
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const answer = await transport.request({ method: "GET", path, signal });
    return { kind: "state", state: parseServerState(answer) };
  } catch (error) {
    if (isApiError(error, "forbidden")) return { kind: "silent", reason: "you may not get pods/proxy" };
    if (isApiError(error, "unavailable")) return { kind: "silent", reason: "the API server does not reach the pod" };
    const reason = error instanceof Error && error.name === "TimeoutError" ? "no answer in time" : explain(error);
    return { kind: "silent", reason };
  }
}
