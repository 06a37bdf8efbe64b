/**
 * Brings the live directives of every server to what the spec says, without a restart, and back to their defaults when they
 * leave the spec. Servers are asked in every pass, so one that was missed, or where somebody changed one by hand, is set right;
 * directives that the spec does not name are left to the servers.
 *
 * A value that servers refuse is told in the condition ConfigApplied and left out of their file, or the next restart would
 * fail for it, until all of them take it. maxmemory follows the smaller of the memory limits of spec and pod: a pod has its new
 * limit only once it has been restarted.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { parseQuantity } from "../api/quantity.ts";
import { isLive, liveValues } from "../resources/live-directives.ts";
import { directivesOf } from "../resources/server-config.ts";
import { refuse } from "./check-config.ts";
import { onEveryServer, refusalsIn, tellChanges } from "./on-every-server.ts";
import type { Pod } from "./pod.ts";
import { setDirectives } from "./set-directives.ts";
import { PROCEED, type Step } from "./step.ts";

export const applyConfig: Step = {
  name: "apply configuration",
  changes: true,
  run: async (pass) => {
    // Going to sleep and waking up set directives of their own.
    if (pass.hibernation !== undefined) return PROCEED;
    const { cluster, name, dependencies, leftDirectives } = pass;
    const pods = dependencies.store.pods(name);
    const { applied, turnout } = await onEveryServer(pass, "configuration", (session, podName) => {
      const pod = pods.find(({ metadata }) => metadata.name === podName);
      return setDirectives(pass, session, liveValues(directivesOf(asLimited(cluster, pod)), leftDirectives));
    });
    const isUnanimous = turnout.unheard === 0;
    const before = [...pass.refusals].filter(([directive]) => !isUnanimous || !isLive(directive));
    refuse(pass, new Map([...before, ...refusalsIn(applied)]));
    if (isUnanimous) pass.leftDirectives = [];
    pass.configTurnout = turnout;
    tellChanges(pass, applied, CHANGED);
    return PROCEED;
  },
};

const CHANGED = { action: "ApplyConfig", reason: "ConfigChanged", note: "Servers took on without a restart" };

/** The cluster as far as this pod's own memory limit allows it. */
function asLimited(cluster: KVCluster, pod: Pod | undefined): KVCluster {
  const { resources, memory } = cluster.spec;
  const own = pod?.spec?.containers?.[0]?.resources?.limits?.memory;
  const ownBytes = own === undefined ? undefined : parseQuantity(own);
  const wantedBytes = resources.limits?.memory === undefined ? undefined : parseQuantity(resources.limits.memory);
  if (own === undefined || ownBytes === undefined || ownBytes >= (wantedBytes ?? Number.POSITIVE_INFINITY))
    return cluster;
  const limited = { ...resources, limits: { ...resources.limits, memory: own } };
  const isTooMuch = memory.maxMemory !== undefined && (parseQuantity(memory.maxMemory) ?? 0) > ownBytes;
  const { maxMemory: _tooMuch, ...share } = memory;
  return { ...cluster, spec: { ...cluster.spec, resources: limited, memory: isTooMuch ? share : memory } };
}
