/**
 * Tells the servers what the plan says. An action that is refused is reported and does not stop the others: the next pass
 * sees the outcome and plans again. While there is something to do or to wait for, the next pass follows soon.
 */

import { isPodReady } from "../pod-readiness.ts";
import { recordedStatus, recordOf } from "../status/group-record.ts";
import { type Action, describeAction } from "../topology/action.ts";
import type { GroupRecord } from "../topology/group-view.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

const AFTER_ACTION_SECONDS = 1;
const AFTER_WAIT_SECONDS = 2;
const MAX_DESCRIBED = 3;

export const actOnTopology: Step = {
  name: "act on topology",
  changes: true,
  run: async (pass) => {
    const { plan, name, cluster, dependencies } = pass;
    if (plan === undefined) return PROCEED;
    if (plan.actions.length > 0) {
      await carryOut(pass, plan.actions);
      return { kind: "wait", seconds: AFTER_ACTION_SECONDS, reason: describeAll(plan.actions) };
    }
    if (plan.group !== undefined && !isSameRecord(plan.group.record, recordOf(cluster.status))) {
      const reason = `Noting who leads: ${plan.group.record.primary ?? "nobody"}`;
      return { kind: "wait", seconds: AFTER_ACTION_SECONDS, reason };
    }
    const unready = dependencies.store.pods(name).find((pod) => !isPodReady(pod));
    const wait = plan.waits[0] ?? (unready && `Waiting for ${unready.metadata.name} to be ready`);
    return wait === undefined ? PROCEED : { kind: "wait", seconds: AFTER_WAIT_SECONDS, reason: wait };
  },
};

/** What is to be told next may wait for what the status says. */
function isSameRecord(one: GroupRecord, other: GroupRecord): boolean {
  return JSON.stringify(recordedStatus(one)) === JSON.stringify(recordedStatus(other));
}

/**
 * Tells the servers, and people what they were told; what is refused is told too. Nobody is told to lead unless the others have been
 * held first.
 */
export async function carryOut(pass: Pass, actions: readonly Action[]): Promise<void> {
  const { cluster, dependencies, sessions } = pass;
  const done: Action[] = [];
  const failures: string[] = [];
  for (const action of actions) {
    if (action.kind === "Lead" && failures.length > 0) break;
    try {
      await sessions.get(action.pod)?.execute(action);
      done.push(action);
      dependencies.log.info("Told server", { action: action.kind, detail: describeAction(action) });
    } catch (error) {
      failures.push(`${describeAction(action)}: ${(error as Error).message}`);
      dependencies.log.warn("Failed to tell server", { action: action.kind, detail: describeAction(action), error });
    }
  }
  const about = { regarding: cluster, action: actions[0]?.kind ?? "Plan" };
  if (done.length > 0) {
    dependencies.events.record({ ...about, type: "Normal", reason: about.action, note: describeAll(done) });
  }
  const [failure] = failures;
  if (failure !== undefined) {
    dependencies.events.record({ ...about, type: "Warning", reason: "ActionFailed", note: failure });
  }
}

function describeAll(actions: readonly Action[]): string {
  const rest = actions.length - MAX_DESCRIBED;
  const first = actions.slice(0, MAX_DESCRIBED).map(describeAction).join("; ");
  return rest > 0 ? `${first} and ${rest} more` : first;
}
