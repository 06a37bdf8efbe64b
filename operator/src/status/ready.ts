/** Ready: every slot is served, every server is ready, what was to be restored is there, and nothing is left to do. */

import type { KVClusterSpec } from "../api/kv-cluster.ts";
import { areAllSlotsServed, type ClusterFacts, intendedRest, obstacle } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";
import { isHeldBack } from "./restore-state.ts";

export function ready(facts: ClusterFacts): ConditionVerdict {
  const type = "Ready";
  const { cluster, plan, halt, pods, restore } = facts;
  const message = obstacle(facts) ?? "";
  const no = (reason: string): ConditionVerdict => ({ type, status: "False", reason, message });
  if (halt !== undefined) return no(halt.reason);
  const rest = intendedRest(facts);
  if (rest !== undefined) return no(rest.reason);
  if (plan === undefined) return no("ServersUnknown");
  if (!areAllSlotsServed(facts)) return no(plan.problems[0]?.reason ?? "SlotsNotServed");
  if (pods.some(({ isReady }) => !isReady)) return no("ServersNotReady");
  if (!plan.isSettled) return no(plan.problems[0]?.reason ?? "Settling");
  if (restore !== undefined && isHeldBack(restore)) return no(restore.state.reason);
  return { type, status: "True", reason: "Serving", message: SERVING[cluster.spec.mode](cluster.spec) };
}

const SERVING: Readonly<Record<KVClusterSpec["mode"], (spec: KVClusterSpec) => string>> = {
  Standalone: () => "The server serves",
  Replication: ({ replicasPerShard }) => `A primary with ${replicasPerShard} replicas serves`,
  Cluster: ({ shards, replicasPerShard }) =>
    `${shards} ${shards === 1 ? "shard" : "shards"} with ${replicasPerShard} replicas each serve all slots`,
};
