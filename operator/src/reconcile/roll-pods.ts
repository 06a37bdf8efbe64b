/**
 * Restarts servers that do not run with the current spec, one pod at a time, as topology/plan-restart.ts says. Before a pod
 * goes, Kubernetes itself is asked, not a cache: all pods must be ready still, and the StatefulSet must make the new one from
 * the current spec.
 */

import { APPROVED_GENERATION_ANNOTATION, SHARD_LABEL } from "../api/labels.ts";
import { isPodReady } from "../pod-readiness.ts";
import { changedInputs } from "../resources/restart-inputs.ts";
import { planRestart, type Restart } from "../topology/plan-restart.ts";
import { carryOut } from "./act-on-topology.ts";
import type { Pod } from "./pod.ts";
import { inputsOf, isCurrent, isTemplateCurrent } from "./pod-currency.ts";
import { type Pass, PROCEED, type Step, type StepResult } from "./step.ts";

const AFTER_RESTART_SECONDS = 2;

export const rollPods: Step = {
  name: "roll pods",
  changes: true,
  run: async (pass) => {
    const { plan, cluster, name, dependencies } = pass;
    if (plan === undefined || plan.actions.length > 0 || pass.restore?.state.kind === "running") return PROCEED;
    const pods = dependencies.store.pods(name);
    const named = (some: readonly Pod[]) => new Set(some.map(({ metadata }) => metadata.name));
    const restart = planRestart({
      plan,
      outdated: named(pods.filter((pod) => isWanted(pass, pod) && !isCurrent(pass, pod))),
      ready: named(pods.filter(isPodReady)),
      isApproved: isApproved(pass),
      isEphemeral: cluster.spec.storage.type === "Ephemeral",
    });
    pass.restartWait = restart?.kind === "wait" ? restart.reason : undefined;
    return restart === undefined ? PROCEED : await follow(pass, restart);
  },
};

/** Primaries may be restarted. */
export function isApproved({ cluster }: Pass): boolean {
  const { annotations, generation } = cluster.metadata;
  const isSupervised = cluster.spec.disruption.updateStrategy === "Supervised";
  return !isSupervised || Number(annotations?.[APPROVED_GENERATION_ANNOTATION]) === generation;
}

/** A shard that leaves is not changed any more. */
function isWanted({ cluster }: Pass, { metadata }: Pod): boolean {
  return Number(metadata.labels?.[SHARD_LABEL]) < cluster.spec.shards;
}

async function follow(pass: Pass, restart: Restart): Promise<StepResult> {
  switch (restart.kind) {
    case "wait":
      // What is waited for has a step of its own.
      return PROCEED;
    case "handOver":
      await carryOut(pass, [restart.action]);
      return { kind: "wait", seconds: AFTER_RESTART_SECONDS, reason: `Handing over before a restart` };
    case "restart":
      return await restartPod(pass, restart.pod);
  }
}

async function restartPod(pass: Pass, podName: string): Promise<StepResult> {
  const { cluster, startable, dependencies, name } = pass;
  const { store, events, log } = dependencies;
  if (!isTemplateCurrent(pass, podName)) return PROCEED;
  const pods = await store.freshPods(name);
  const pod = pods.find(({ metadata }) => metadata.name === podName);
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return PROCEED;
  if (isPodReady(pod) && !pods.every(isPodReady)) return PROCEED;
  const why = changedInputs(inputsOf(pod), startable).join(", ");
  await store.deletePod(pod);
  log.info("Restarted pod", { pod: podName, reason: why });
  const note = `Pod "${podName}" restarts to take on: ${why}`;
  events.record({ regarding: cluster, action: "Restart", type: "Normal", reason: "PodRestarted", note });
  return { kind: "wait", seconds: AFTER_RESTART_SECONDS, reason: `Restarting ${podName}` };
}
