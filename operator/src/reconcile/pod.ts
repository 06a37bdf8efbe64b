/** The part of a Kubernetes Pod that reconciling reads, and what it concludes from it. */

import type { KubernetesObject } from "../kubernetes-object.ts";
import { isPodReady } from "../pod-readiness.ts";
import type { PodView } from "../topology/cluster-view.ts";

export interface Pod extends KubernetesObject {
  readonly spec?: { readonly containers?: readonly Container[] };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    /** Of its node. */
    readonly hostIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface Container {
  readonly image?: string;
  readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> };
}

interface ContainerStatus {
  readonly state?: {
    readonly running?: unknown;
    readonly waiting?: { readonly reason?: string };
    readonly terminated?: Terminated;
  };
  readonly lastState?: { readonly terminated?: Terminated };
}

interface Terminated {
  readonly exitCode?: number;
  readonly reason?: string;
  /** The end of the log, where the container left no message. */
  readonly message?: string;
}

/**
 * Whether the server process surely does not run. A pod that is no longer in the API is gone: StatefulSet pods leave it only
 * when their kubelet confirmed the end, or when somebody who knows removed them by force.
 */
export function processOf(pod: Pod | undefined): PodView["process"] {
  if (pod === undefined) return "Gone";
  const { phase, containerStatuses = [] } = pod.status ?? {};
  if (phase === "Failed" || phase === "Succeeded") return "Gone";
  const isDown = containerStatuses.every(
    ({ state }) => state?.waiting !== undefined || state?.terminated !== undefined,
  );
  if (isDown && (phase === "Pending" || containerStatuses.length > 0)) return "Gone";
  return phase === "Running" ? "Running" : "Unknown";
}

/**
 * The same where nobody votes, so that it has to be certain: a kubelet said that the container ended. Of a pod that is not there, or
 * is only being made, the one before may have been removed by force, and its process may run for a while.
 */
export function provenProcessOf(pod: Pod | undefined): PodView["process"] {
  const process = processOf(pod);
  const { phase, containerStatuses = [] } = pod?.status ?? {};
  const hasEnded = containerStatuses.some(
    ({ state, lastState }) => state?.terminated !== undefined || lastState?.terminated !== undefined,
  );
  return process === "Gone" && !hasEnded && phase !== "Failed" && phase !== "Succeeded" ? "Unknown" : process;
}

const LOG_PREFIX = /^\d+:[A-Z] \d+ \w+ \d{4} [\d:.]+ \S /;
const MAX_TROUBLE_LENGTH = 300;

/**
 * Why a pod that is not ready does not get there, as far as Kubernetes knows: what its server said last before it ended,
 * else why it does not start, else why it has no place. The same through all rounds of a crash loop, so the status settles.
 */
export function troubleOf(pod: Pod | undefined): string | undefined {
  if (pod === undefined || isPodReady(pod)) return undefined;
  const { conditions = [], containerStatuses = [] } = pod.status ?? {};
  const [server] = containerStatuses;
  const ended = server?.state?.terminated ?? server?.lastState?.terminated;
  const unscheduled = conditions.find(({ type, status }) => type === "PodScheduled" && status === "False");
  const trouble = endOf(ended) ?? waitOf(server) ?? unscheduled?.message;
  return trouble?.slice(0, MAX_TROUBLE_LENGTH);
}

function endOf(ended: Terminated | undefined): string | undefined {
  if (ended === undefined || ended.exitCode === 0) return undefined;
  const lines = (ended.message ?? "").split("\n").map((line) => line.trim().replace(LOG_PREFIX, ""));
  return lines.findLast((line) => line !== "") ?? ended.reason ?? `exit code ${ended.exitCode}`;
}

/** A container that is only being made is no trouble. */
function waitOf(server: ContainerStatus | undefined): string | undefined {
  const reason = server?.state?.waiting?.reason;
  return reason === "ContainerCreating" || reason === "PodInitializing" ? undefined : reason;
}
