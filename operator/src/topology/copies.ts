/** Which replicas have what their primary has, and which of several has most of it. */

import type { ReachablePod } from "./cluster-view.ts";

/** It follows that primary and is linked to it: it has, or is about to have, all that was written there. */
export function isInSync({ self, node }: ReachablePod, primary: ReachablePod): boolean {
  return self.primaryId === primary.node.id && node.info.isPrimaryLinkUp;
}

/** The one that is furthest in the stream; of several the first. */
export function furthest(copies: readonly ReachablePod[]): ReachablePod | undefined {
  const [first, ...others] = copies;
  if (first === undefined) return undefined;
  const offsetOf = ({ node }: ReachablePod): number => node.info.replicationOffset;
  return others.reduce((best, copy) => (offsetOf(copy) > offsetOf(best) ? copy : best), first);
}
