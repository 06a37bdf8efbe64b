/**
 * Removes the StatefulSets of shards beyond spec.shards, one a pass, once they are drained: nothing else here deletes a
 * server. Their volumes go too, because what is on them is old by then and would come back with a later shard of that name;
 * so the set is told first to take its claims along.
 */

import type { Manifest } from "../resources/manifest.ts";
import { canRemove } from "../topology/plan-rebalance.ts";
import { leavingSets, shardOf } from "./shard-sets.ts";
import { PROCEED, type Step } from "./step.ts";

export const removeShards: Step = {
  name: "remove shards",
  changes: true,
  run: async (pass) => {
    const { plan } = pass;
    const set = leavingSets(pass)[0];
    if (plan === undefined || set === undefined || !canRemove(plan.survey, shardOf(set))) return PROCEED;
    const { dependencies, cluster } = pass;
    const { store, events, log } = dependencies;
    if (!takesClaimsAlong(set)) {
      await store.takeClaimsAlong(set);
      return PROCEED;
    }
    await store.remove(set);
    log.info("Removed shard", { shard: shardOf(set), name: set.metadata.name });
    const note = `Shard ${shardOf(set)} is drained and removed`;
    events.record({ regarding: cluster, action: "Scale", type: "Normal", reason: "ShardRemoved", note });
    return PROCEED;
  },
};

function takesClaimsAlong({ spec }: Manifest): boolean {
  const policy = spec?.persistentVolumeClaimRetentionPolicy as { readonly whenDeleted?: string } | undefined;
  return policy?.whenDeleted === "Delete";
}
