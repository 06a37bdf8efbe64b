/** Whether a pod runs with the current spec: it was made with the same inputs (resources/restart-inputs.ts). */

import type { KVCluster } from "../api/kv-cluster.ts";
import { fingerprint } from "../resources/fingerprint.ts";
import { RESTART_INPUTS_ANNOTATION } from "../resources/pod-template.ts";
import { changedInputs, restartInputs } from "../resources/restart-inputs.ts";
import { serverConfig } from "../resources/server-config.ts";
import type { Pod } from "./pod.ts";
import type { Pass } from "./step.ts";

export function inputsOf({ metadata }: Pod): string | undefined {
  return metadata.annotations?.[RESTART_INPUTS_ANNOTATION];
}

export function isCurrent({ startable: cluster }: Pick<Pass, "startable">, pod: Pod): boolean {
  const inputs = inputsOf(pod);
  return inputs === undefined ? looksCurrent(cluster, pod) : changedInputs(inputs, cluster).length === 0;
}

/** Of a pod that an operator made which did not note the inputs yet. */
function looksCurrent(cluster: KVCluster, { metadata, spec }: Pod): boolean {
  const wanted = cluster.spec.image;
  const hasImage = wanted === undefined || (spec?.containers ?? []).every(({ image }) => image === wanted);
  const config = metadata.annotations?.["kvcluster.dev/config-hash"];
  return hasImage && (config === undefined || config === fingerprint(serverConfig(cluster)));
}

interface Rollout {
  readonly spec?: { readonly template?: { readonly metadata?: Pod["metadata"] } };
  readonly status?: { readonly observedGeneration?: number };
}

/** A new pod of this name would be made with the current spec: its set has it, and its controller has seen that. */
export function isTemplateCurrent({ startable, dependencies, name }: Pass, podName: string): boolean {
  const setName = podName.slice(0, podName.lastIndexOf("-"));
  const sets = dependencies.store.children(name).filter(({ kind }) => kind === "StatefulSet");
  const set = sets.find(({ metadata }) => metadata.name === setName);
  const { spec, status } = (set ?? {}) as Rollout;
  const inputs = spec?.template?.metadata?.annotations?.[RESTART_INPUTS_ANNOTATION];
  return inputs === restartInputs(startable) && status?.observedGeneration === set?.metadata.generation;
}
