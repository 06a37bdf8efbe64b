/**
 * planGroup(view, spec): what to tell the servers of a group next, so that one of them leads and the others follow it. Pure and
 * deterministic, and nothing is remembered but the record, which the status keeps.
 *
 * Held throughout (docs/decisions/0018 says how): never two servers take writes; nobody is promoted while a better copy may
 * come back; nothing is told to a server that it could not undo, a held one keeps all its data.
 *
 * The record comes first: who is to lead is written down before it is told, and a leader's lease is renewed only while the record
 * says what is so. So an operator that takes over anywhere knows who led last and who had a whole copy then. A leader that
 * the record does not know, and that did not take over from the one it knows, is one that was replaced: it is held. While there is a
 * leader the record may be an old one, from a cache; without one it has to be the last.
 */

import type { Action } from "./action.ts";
import type { ReachablePod } from "./cluster-view.ts";
import {
  type Copy,
  copyIn,
  type GroupRecord,
  type GroupSpec,
  type GroupView,
  hasWholeCopy,
  isCopyOf,
  isLeading,
  isLinked,
  namesOf,
  surveyGroup,
} from "./group-view.ts";
import { finish, type Plan, unansweredWaits } from "./plan.ts";
import { planFollowers } from "./plan-followers.ts";
import { planPromotion, type RecordedStep } from "./plan-promotion.ts";

export function planGroup(view: GroupView, spec: GroupSpec): Plan {
  const { reachable } = surveyGroup(view, undefined);
  const leader = leaderOf(reachable, view.record);
  const survey = surveyGroup(view, leader);
  const { record, ...step } =
    leader === undefined ? planPromotion(reachable, view, spec) : lead(leader, reachable, view, spec);
  const waits = [...unansweredWaits(survey), ...step.waits];
  const isFollowed = leader !== undefined && step.actions.every(({ kind }) => kind !== "Hold" && kind !== "Follow");
  const renewal = isFollowed ? renewalOf(leader, view.record, record) : undefined;
  return { ...finish(survey, { ...step, waits }), group: { record, renewal } };
}

/** The one that the record knows, else one that took over from it by hand-over: its stream goes on where that one's was. */
function leaderOf(reachable: readonly ReachablePod[], record: GroupRecord): ReachablePod | undefined {
  const leaders = reachable.filter(isLeading);
  if (record.primary === undefined) return leaders.length === 1 ? leaders[0] : undefined;
  const { primary, replicationId, copies } = record;
  return (
    leaders.find(({ pod }) => pod === primary) ??
    leaders.find(({ node }) => node.info.previousReplicationId === replicationId) ??
    leaders.find((leader) => copies.some((copy) => isCopyOf(copy, leader)))
  );
}

function lead(
  leader: ReachablePod,
  reachable: readonly ReachablePod[],
  view: GroupView,
  spec: GroupSpec,
): RecordedStep {
  const followers = reachable.filter((pod) => pod !== leader && isLinked(pod, leader) && hasWholeCopy(pod));
  const record: GroupRecord = {
    primary: leader.pod,
    replicationId: leader.node.info.replicationId,
    copies: [...[leader, ...followers].map(copyIn), ...unseenCopies(leader, view)],
  };
  return { ...planFollowers(leader, reachable, spec), record };
}

const UNKNOWN_RUN = "unknown";

/** The leader knows of those that the operator does not reach. */
function unseenCopies({ node }: ReachablePod, { pods, record }: GroupView): readonly Copy[] {
  const { replicaHosts } = node.info;
  const unseen = pods.filter(
    (pod) => pod.node === undefined && namesOf(pod).some((name) => replicaHosts.includes(name)),
  );
  return unseen.map(({ pod }) => record.copies.find((copy) => copy.pod === pod) ?? { pod, runId: UNKNOWN_RUN });
}

/**
 * Whoever is in the record counts as having all that is written: so not while one of them does not follow any more. Nor while
 * one that is held has yet to be told whom to follow: it would seem as if the lease were as old as its waiting.
 */
function renewalOf(leader: ReachablePod, before: GroupRecord, now: GroupRecord): Action | undefined {
  const { group } = leader.node.info;
  if (group === undefined) return undefined;
  const isRecorded = before.primary === leader.pod && before.copies.some((copy) => isCopyOf(copy, leader));
  const isComplete = before.copies.every(({ pod, runId }) =>
    now.copies.some((copy) => copy.pod === pod && copy.runId === runId),
  );
  return isRecorded && isComplete ? { kind: "Renew", pod: leader.pod, ticket: group.ticket } : undefined;
}
