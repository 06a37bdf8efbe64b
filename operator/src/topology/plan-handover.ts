/**
 * Before a shard shrinks: pods beyond the wanted number are the first to be removed, whatever their role. Where one of them
 * leads its shard, the best replica that stays takes over first, by a coordinated failover that loses nothing.
 */

import type { Action } from "./action.ts";
import type { ClusterSurvey, ShardSurvey } from "./cluster-view.ts";
import { furthest, isInSync } from "./copies.ts";
import { NOTHING, type Step, type TopologySpec } from "./step.ts";

export function planHandover(survey: ClusterSurvey, spec: TopologySpec): Step {
  const steps = survey.shards.map((shard) => planShard(shard, spec));
  return { ...NOTHING, actions: steps.flatMap(({ actions }) => actions), waits: steps.flatMap(({ waits }) => waits) };
}

/** No pod that is to be removed leads the shard: it surely has another leader, which answers. */
export function canShrink(survey: ClusterSurvey, index: number, replicasPerShard: number): boolean {
  const owners = survey.shards.find((shard) => shard.index === index)?.owners ?? [];
  return owners.length === 1 && owners.every(({ ordinal }) => ordinal <= replicasPerShard);
}

function planShard(shard: ShardSurvey, { replicasPerShard }: TopologySpec): Step {
  const leaving = shard.owners.find(({ ordinal }) => ordinal > replicasPerShard);
  if (leaving === undefined || shard.owners.length > 1) return NOTHING;
  const best = furthest(shard.reachable.filter((pod) => pod.ordinal <= replicasPerShard && isInSync(pod, leaving)));
  if (best === undefined)
    return { ...NOTHING, waits: [`${leaving.pod} leaves once a replica that stays has its data`] };
  const action: Action = { kind: "Failover", pod: best.pod, from: leaving.pod };
  return { ...NOTHING, actions: [action] };
}
