/**
 * Keeps a majority of primaries away from any one machine (topology/plan-spread.ts), once nothing else is to be done: all pods are
 * ready and none is to be restarted. Where people approve each restart of a primary, roles are theirs as well.
 */

import { isPodReady } from "../pod-readiness.ts";
import { planSpread } from "../topology/plan-spread.ts";
import { carryOut } from "./act-on-topology.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

const AFTER_FAILOVER_SECONDS = 2;

export const spreadPrimaries: Step = {
  name: "spread primaries",
  changes: true,
  run: async (pass) => {
    const { plan, name, dependencies } = pass;
    const pods = dependencies.store.pods(name);
    if (!isQuiet(pass) || plan === undefined || !pods.every(isPodReady)) return PROCEED;
    // A node's address stands for the node.
    const machineOf = pods.flatMap(({ metadata, status }) =>
      status?.hostIP === undefined ? [] : [[metadata.name, status.hostIP] as const],
    );
    const action = planSpread(plan.survey, new Map(machineOf));
    if (action === undefined) return PROCEED;
    await carryOut(pass, [action]);
    return { kind: "wait", seconds: AFTER_FAILOVER_SECONDS, reason: "Keeping primaries apart" };
  },
};

function isQuiet({ plan, cluster, restartWait, hibernation }: Pass): boolean {
  const isSupervised = cluster.spec.disruption.updateStrategy === "Supervised";
  return plan?.isSettled === true && restartWait === undefined && hibernation === undefined && !isSupervised;
}
