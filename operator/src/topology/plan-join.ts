/**
 * Bringing nodes together. Config epochs come first, because a node that joins with epoch 0 loses its slots to gossip about
 * the dead one it replaces, and SET-CONFIG-EPOCH works only on a node that knows nobody.
 *
 * MEET goes both ways, first through one hub so that halves of a cluster join into one, then between every pair that still
 * lacks an entry. The same MEET repairs stale addresses: an entry that is suspected or cut off and names another address
 * than the one its node answers on (all pods restarted with new IPs). Only pods that answered in this pass are met, so a
 * recycled address never drags in a foreign node.
 */

import type { Action } from "./action.ts";
import { type ClusterSurvey, entryFor, isSuspected, type ReachablePod } from "./cluster-view.ts";
import { NOTHING, type Step } from "./step.ts";

/** A pass stays short also in a cluster of hundreds of nodes; the next pass continues. */
const MAX_MEETS_PER_PASS = 256;

export function planConfigEpochs(survey: ClusterSurvey): Step {
  const fresh = survey.reachable.filter(isFresh);
  const actions = fresh.map(
    (pod, index): Action => ({ kind: "SetConfigEpoch", pod: pod.pod, epoch: survey.currentEpoch + index + 1 }),
  );
  return { ...NOTHING, actions };
}

export function planMeet(survey: ClusterSurvey): Step {
  const hub = chooseHub(survey);
  if (hub === undefined) return NOTHING;
  const pods = survey.reachable;
  const toHub = pods.filter((pod) => pod !== hub && (mustMeet(pod, hub) || mustMeet(hub, pod)));
  const actions =
    toHub.length > 0
      ? toHub.flatMap((pod) => [meet(pod, hub), meet(hub, pod)])
      : pods.flatMap((pod) =>
          pods.filter((peer) => peer !== pod && mustMeet(pod, peer)).map((peer) => meet(pod, peer)),
        );
  const waits = pods.flatMap((pod) =>
    pods.filter((peer) => peer !== pod && isLinkMissing(pod, peer)).map((peer) => `${pod.pod} connects to ${peer.pod}`),
  );
  return { ...NOTHING, actions: actions.slice(0, MAX_MEETS_PER_PASS), waits };
}

/** Every reachable pod knows every other one and none is suspected: only then do all tables say the same. */
export function isFullyMeshed(survey: ClusterSurvey): boolean {
  const pods = survey.reachable;
  return pods.every((pod) => pods.every((peer) => peer === pod || !isLinkMissing(pod, peer)));
}

function isFresh({ self, node }: ReachablePod): boolean {
  return node.entries.length === 1 && self.configEpoch === 0 && self.slots.length === 0 && node.info.keys === 0;
}

/** The pod around which the cluster joins: one that owns slots if any does, then the one that knows most of the others. */
function chooseHub(survey: ClusterSurvey): ReachablePod | undefined {
  const known = (pod: ReachablePod): number =>
    survey.reachable.filter((peer) => peer !== pod && !mustMeet(pod, peer)).length;
  const weight = (pod: ReachablePod): number =>
    known(pod) + (survey.slotsOf.has(pod.node.id) ? survey.reachable.length : 0);
  let hub: ReachablePod | undefined;
  let best = -1;
  for (const pod of survey.reachable) {
    const own = weight(pod);
    if (own > best) [hub, best] = [pod, own];
  }
  return hub;
}

function mustMeet(pod: ReachablePod, peer: ReachablePod): boolean {
  const entry = entryFor(pod, peer.node.id);
  if (entry === undefined || entry.flags.has("noaddr")) return true;
  const isElsewhere = entry.ip !== peer.address.ip || entry.port !== peer.address.port;
  return isElsewhere && (isSuspected(entry) || !entry.isLinkConnected);
}

function isLinkMissing(pod: ReachablePod, peer: ReachablePod): boolean {
  const entry = entryFor(pod, peer.node.id);
  return entry === undefined || isSuspected(entry) || !entry.isLinkConnected;
}

function meet(pod: ReachablePod, peer: ReachablePod): Action {
  const { ip, port, busPort } = peer.address;
  return { kind: "Meet", pod: pod.pod, peer: peer.pod, ip, port, busPort };
}
