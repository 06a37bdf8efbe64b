/**
 * A group with a leader: everyone else follows it, rivals are held first, and one that is to be removed hands over. Nobody with
 * keys is told to follow a leader that never had any: something is wrong with the volumes then, and a person has to look.
 */

import type { Action } from "./action.ts";
import type { ReachablePod } from "./cluster-view.ts";
import { furthest } from "./copies.ts";
import { type GroupSpec, isLeading, isLinked, namesAsPrimary } from "./group-view.ts";
import { NOTHING, type Problem, type Step } from "./step.ts";

export function planFollowers(leader: ReachablePod, reachable: readonly ReachablePod[], spec: GroupSpec): Step {
  const others = reachable.filter((pod) => pod !== leader && !pod.node.info.isLoading);
  const rivals = others.filter(isLeading);
  if (rivals.length > 0) return holdRivals(leader, rivals);
  const lost = others.filter((pod) => !namesAsPrimary(pod, leader));
  const filled = lost.filter((pod) => wouldLoseAll(pod, leader));
  const actions = lost.filter((pod) => !filled.includes(pod)).flatMap((pod) => follow(pod, leader));
  const waits = others.filter((pod) => !filled.includes(pod)).flatMap((pod) => syncWait(pod, leader));
  const step: Step = { actions, waits, problems: filled.map((pod) => describeFilled(pod, leader)) };
  return actions.length > 0 || leader.ordinal <= spec.replicas ? step : leave(step, leader, others, spec);
}

function holdRivals(leader: ReachablePod, rivals: readonly ReachablePod[]): Step {
  const names = [leader, ...rivals].map(({ pod }) => pod).join(", ");
  const problem: Problem = { reason: "SeveralPrimaries", message: `Several servers say that they lead: ${names}` };
  return { ...NOTHING, actions: rivals.flatMap(hold), problems: [problem] };
}

export function hold({ pod, node }: ReachablePod): readonly Action[] {
  const { group } = node.info;
  return group === undefined ? [] : [{ kind: "Hold", pod, ticket: group.ticket }];
}

/** One that is no member follows by its own start, or not at all. */
function follow({ pod, node }: ReachablePod, leader: ReachablePod): readonly Action[] {
  const { group } = node.info;
  if (group === undefined) return [];
  const { hostname, ip, port } = leader.address;
  return [{ kind: "Follow", pod, primary: leader.pod, host: hostname ?? ip, port, ticket: group.ticket }];
}

function wouldLoseAll(pod: ReachablePod, leader: ReachablePod): boolean {
  const { keys, replicationOffset } = leader.node.info;
  return pod.node.info.keys > 0 && keys === 0 && replicationOffset === 0;
}

function describeFilled(pod: ReachablePod, leader: ReachablePod): Problem {
  const message = `Pod "${pod.pod}" holds keys, and its primary "${leader.pod}" never had any`;
  return { reason: "DataWithoutSlots", message };
}

function syncWait(pod: ReachablePod, leader: ReachablePod): readonly string[] {
  if (isLinked(pod, leader)) return [];
  const isCopying = pod.node.info.isFullSyncRunning;
  return [isCopying ? `${pod.pod} copies the data of its primary` : `${pod.pod} connects to its primary`];
}

/** The pods with the highest ordinals go when a group shrinks. */
function leave(step: Step, leader: ReachablePod, others: readonly ReachablePod[], { replicas }: GroupSpec): Step {
  const best = furthest(others.filter((pod) => pod.ordinal <= replicas && isLinked(pod, leader)));
  if (best === undefined) {
    return { ...step, waits: [...step.waits, `${leader.pod} leaves once a replica that stays has its data`] };
  }
  return { ...step, actions: [handOver(leader, best)] };
}

export function handOver(from: ReachablePod, to: ReachablePod): Action {
  const { hostname, ip, port } = to.address;
  return { kind: "HandOver", pod: from.pod, to: to.pod, host: hostname ?? ip, port };
}
