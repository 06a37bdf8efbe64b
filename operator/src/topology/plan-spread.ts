/**
 * Primaries apart. Servers elect a successor only while most primaries are there: where one machine holds so many that the others
 * are no majority, its loss stops the whole cluster until it is back. After failovers that happens by itself, and then one of them
 * hands over to a replica elsewhere, by a coordinated failover that loses nothing.
 *
 * A shard moves only to a machine that has fewer primaries even with it, so it comes to an end, also where there are too few
 * machines.
 */

import type { Action } from "./action.ts";
import type { ClusterSurvey } from "./cluster-view.ts";
import { isInSync } from "./copies.ts";

/** Of a cluster that is settled. `machineOf`: by pod, as far as it is known. */
export function planSpread(survey: ClusterSurvey, machineOf: ReadonlyMap<string, string>): Action | undefined {
  const primaries = survey.shards.flatMap(({ owners }) => owners);
  const countOn = (machine: string | undefined): number =>
    primaries.filter(({ pod }) => machineOf.get(pod) === machine).length;
  const crowded = primaries.filter(({ pod }) => {
    const machine = machineOf.get(pod);
    return machine !== undefined && (primaries.length - countOn(machine)) * 2 <= primaries.length;
  });
  const moves = crowded.flatMap((primary) => {
    const here = countOn(machineOf.get(primary.pod));
    const replicas = survey.reachable.filter((pod) => pod.shard === primary.shard && isInSync(pod, primary));
    return replicas.flatMap((replica) => {
      const machine = machineOf.get(replica.pod);
      const there = countOn(machine);
      return machine === undefined || there + 1 >= here ? [] : [{ primary, replica, there }];
    });
  });
  const [first, ...others] = moves;
  if (first === undefined) return undefined;
  const best = others.reduce((a, b) => (b.there < a.there ? b : a), first);
  return { kind: "Failover", pod: best.replica.pod, from: best.primary.pod };
}
