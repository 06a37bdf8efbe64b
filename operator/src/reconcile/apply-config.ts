/**
 * Brings the live directives of every server to what the spec says, without a restart, and back to their defaults when they
 * leave the spec. Servers are asked in every pass, so one that was missed, or that somebody changed by hand, is set right.
 *
 * A value that servers refuse is told in the condition ConfigApplied and left out of their file, or the next restart would
 * fail for it. maxmemory follows the smaller of the memory limits of spec and pod: a pod has its new limit only once it has
 * been restarted.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { parseQuantity } from "../api/quantity.ts";
import type { KvSession } from "../kv/kv-session.ts";
import { LIVE_DIRECTIVES, liveValues } from "../resources/live-directives.ts";
import { directivesOf } from "../resources/server-config.ts";
import { type Applied, onEveryServer, refusalsIn, tellChanges } from "./on-every-server.ts";
import type { Pod } from "./pod.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

export const applyConfig: Step = {
  name: "apply configuration",
  changes: true,
  run: async (pass) => {
    // Going to sleep and waking up set directives of their own.
    if (pass.hibernation !== undefined) return PROCEED;
    const applied = await onEveryServer(pass, "configuration", (session, pod) => compareAndSet(pass, session, pod));
    if (applied.length === 0) return PROCEED;
    pass.refusals = refusalsIn(applied);
    tellChanges(pass, applied, CHANGED);
    return PROCEED;
  },
};

const CHANGED = { action: "ApplyConfig", reason: "ConfigChanged", note: "Servers took on without a restart" };

async function compareAndSet(pass: Pass, session: KvSession, podName: string): Promise<Applied> {
  const { spellings, dependencies, name, cluster } = pass;
  const pod = dependencies.store.pods(name).find(({ metadata }) => metadata.name === podName);
  const before = await session.configuration(LIVE_DIRECTIVES);
  const wanted = [...liveValues(directivesOf(asLimited(cluster, pod)))];
  const different = wanted.filter(([directive, value]) => {
    const shown = before.get(directive);
    return shown !== undefined && !spellings.isShownAs(directive, value, shown);
  });
  const changed = new Set<string>();
  const refusals = new Map<string, string>();
  if (different.length === 0) return { changed, refusals };
  for (const [directive, value] of different) {
    const refusal = await session.configure(directive, value);
    if (refusal !== undefined) refusals.set(directive, refusal);
  }
  const after = await session.configuration(LIVE_DIRECTIVES);
  for (const [directive, value] of different) {
    const shown = after.get(directive);
    if (refusals.has(directive) || shown === undefined) continue;
    spellings.learn(directive, value, shown);
    if (shown !== before.get(directive)) changed.add(directive);
  }
  return { changed, refusals };
}

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
