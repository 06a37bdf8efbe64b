/**
 * plan(view, spec): what to tell the servers next so that they form one cluster and stay one. Pure and deterministic.
 *
 * The planners below run in order and the first with actions wins, so a pass sends one kind of action and the next pass
 * sees its effect. What cannot be done yet is a wait; what needs a person is a problem; a view with neither actions, waits
 * nor problems is settled. Held throughout: an owned slot is never assigned, nothing is sent while most pods are
 * unreachable, a copy with data is never told to follow an empty one, and meeting comes before forgetting.
 */

import type { Action } from "./action.ts";
import { type ClusterSurvey, type ClusterView, isMajorityUnreachable, surveyCluster } from "./cluster-view.ts";
import type { GroupRecord } from "./group-view.ts";
import { planAgreement } from "./plan-agreement.ts";
import { planForget } from "./plan-forget.ts";
import { planHandover } from "./plan-handover.ts";
import { planConfigEpochs, planMeet } from "./plan-join.ts";
import { planRebalance } from "./plan-rebalance.ts";
import { planReplicas } from "./plan-replicas.ts";
import { planSlots } from "./plan-slots.ts";
import { planTakeover } from "./plan-takeover.ts";
import type { Planner, Problem, Step, TopologySpec } from "./step.ts";

export interface Plan extends Step {
  readonly survey: ClusterSurvey;
  readonly isSettled: boolean;
  /** Of a group (plan-group.ts). */
  readonly group?: GroupPlan;
}

export interface GroupPlan {
  /** What is to be remembered of it. */
  readonly record: GroupRecord;
  /** Lets the primary go on. It changes nothing, so it is no action; a plan that is settled has it too. */
  readonly renewal: Action | undefined;
}

const PLANNERS: readonly Planner[] = [
  planConfigEpochs,
  planMeet,
  planSlots,
  planReplicas,
  planHandover,
  planTakeover,
  planForget,
  planRebalance,
  planAgreement,
];

export function plan(view: ClusterView, spec: TopologySpec): Plan {
  const survey = surveyCluster(view);
  const waits = unansweredWaits(survey);
  if (isMajorityUnreachable(survey)) {
    const message = `${survey.reachable.length} of ${survey.pods.length} servers answer: too few to act on`;
    return finish(survey, { actions: [], waits, problems: [{ reason: "MajorityUnreachable", message }] });
  }
  const problems: Problem[] = [];
  for (const planner of PLANNERS) {
    const step = planner(survey, spec);
    waits.push(...step.waits);
    problems.push(...step.problems);
    if (step.actions.length > 0) return finish(survey, { actions: step.actions, waits, problems });
  }
  return finish(survey, { actions: [], waits, problems });
}

export function unansweredWaits({ pods }: ClusterSurvey): string[] {
  return pods.filter(({ node }) => node === undefined).map(({ pod }) => `Waiting for pod "${pod}" to answer`);
}

export function finish(survey: ClusterSurvey, step: Step): Plan {
  const isSettled = step.actions.length === 0 && step.waits.length === 0 && step.problems.length === 0;
  return { survey, ...step, isSettled };
}
