// Whether a pod serves, in Kubernetes' own words. Below every folder, like kubernetes-object.ts.
import type { KubernetesObject } from "./kubernetes-object.ts";

export interface PodWithConditions extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** A pod that is on its way out does not count, though it may still answer. */
export function isPodReady(pod: PodWithConditions | undefined): boolean {
  const isReady = pod?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
  return isReady && pod?.metadata.deletionTimestamp === undefined;
}
