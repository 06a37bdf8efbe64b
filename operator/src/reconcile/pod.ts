/** The part of a Kubernetes Pod that reconciling reads, and what it concludes from it. */

import type { KubernetesObject } from "../kubernetes-object.ts";
import type { PodView } from "../topology/cluster-view.ts";

export interface Pod extends KubernetesObject {
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly state?: { readonly running?: unknown; readonly waiting?: unknown; readonly terminated?: unknown };
}

export function isPodReady(pod: Pod | undefined): boolean {
  const isReady = pod?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
  return isReady && pod?.metadata.deletionTimestamp === undefined;
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
