/** `kubectl kv restart`: asks the operator to restart all servers, one after another, by the annotation it watches. */

import { conditionOf } from "../api/condition.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import { APPROVED_GENERATION_ANNOTATION, RESTART_ANNOTATION } from "../api/labels.ts";
import { isPodReady } from "../pod-readiness.ts";
import type { CommandRow, Invocation } from "./arguments.ts";
import type { Context } from "./context.ts";
import { showUntilOver } from "./display.ts";
import { PluginError } from "./plugin-error.ts";
import { operationLine } from "./progress-bar.ts";
import { readCluster, readPods } from "./read-world.ts";

const DEFAULT_WAIT_MS = 3_600_000;

export const RESTART: CommandRow = {
  name: "restart",
  words: ["NAME"],
  summary: "restart all servers, one at a time, replicas first",
  help: "Asks the operator to restart all servers of a cluster: replicas first, then each shard is handed over before its\nold primary restarts.",
  options: [
    { name: "approve", help: "with updateStrategy Supervised: primaries too" },
    { name: "wait", help: "show how far it is until all servers have restarted" },
    { name: "timeout", value: "TIME", help: "how long to wait; 1h when absent" },
  ],
};

export async function runRestart(context: Context, invocation: Invocation): Promise<void> {
  const [name = ""] = invocation.words;
  const timeoutMs = invocation.durationMs("timeout", DEFAULT_WAIT_MS);
  const { client, clock, terminal } = context;
  const cluster = await readCluster(context, name);
  if (cluster.spec.paused) {
    throw new PluginError(`KVCluster "${name}" is paused, so nothing would restart: set spec.paused to false first`);
  }
  const before = new Set((await readPods(context, name)).map(({ metadata }) => metadata.uid));
  const generation = String(cluster.metadata.generation ?? 0);
  const annotations = {
    [RESTART_ANNOTATION]: new Date(clock.now()).toISOString(),
    ...(invocation.has("approve") ? { [APPROVED_GENERATION_ANNOTATION]: generation } : {}),
  };
  await client.mergePatch(cluster, { metadata: { annotations } });
  terminal.write(`Asked for a restart of the ${before.size} servers of "${name}", one at a time\n`);
  if (needsApproval(cluster, invocation)) {
    terminal.write(
      `Primaries wait for approval: kubectl -n ${context.namespace} annotate kvcluster ${name} ${APPROVED_GENERATION_ANNOTATION}=${generation} --overwrite\n`,
    );
  }
  if (invocation.has("wait")) await waitForRestart(context, { name, before, timeoutMs });
}

function needsApproval({ metadata, spec }: KVCluster, invocation: Invocation): boolean {
  const approved = metadata.annotations?.[APPROVED_GENERATION_ANNOTATION];
  const isApproved = invocation.has("approve") || approved === String(metadata.generation ?? 0);
  return spec.disruption.updateStrategy === "Supervised" && !isApproved;
}

interface Wait {
  readonly name: string;
  /** The uids of the pods that are to go. */
  readonly before: ReadonlySet<string | undefined>;
  readonly timeoutMs: number;
}

async function waitForRestart(context: Context, { name, before, timeoutMs }: Wait): Promise<void> {
  const look = async () => {
    const [cluster, pods] = [await readCluster(context, name), await readPods(context, name)];
    const done = pods.filter((pod) => !before.has(pod.metadata.uid) && isPodReady(pod)).length;
    const upToDate = conditionOf(cluster.status, "UpToDate");
    const isOver = done === pods.length && upToDate?.status === "True" && cluster.status?.phase === "Ready";
    const message = upToDate?.status === "False" ? upToDate.message : (cluster.status?.message ?? "");
    const progress = { done, total: pods.length, unit: "servers" };
    return { text: `${operationLine({ what: "Restart", message, progress })}\n`, isOver };
  };
  await showUntilOver(context, { look, timeoutMs, goal: `not all servers of "${name}" have restarted` });
}
