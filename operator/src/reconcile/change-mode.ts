/**
 * Makes a cluster of a group, in place, as topology/plan-mode-change.ts says: the last step of that is that the StatefulSet makes
 * nodes of a cluster from now on, and is taken in the pass in which all servers were seen to be at rest and have noted their
 * places. Then the pods of the group go, all at once: what they hold is on their volumes, and nobody writes any more.
 *
 * Whoever carries on sees where this stands by the StatefulSet and by the servers. That writes wait is known from the status: they
 * go on as soon as something else has to come first.
 */

import { conditionOf } from "../api/condition.ts";
import { isPodReady } from "../pod-readiness.ts";
import { changedInputs, modeOfPod } from "../resources/restart-inputs.ts";
import type { ModeChange } from "../status/mode-change.ts";
import { isHeldBack } from "../status/restore-state.ts";
import type { Action } from "../topology/action.ts";
import type { Plan } from "../topology/plan.ts";
import { afterSave, planModeChange } from "../topology/plan-mode-change.ts";
import { carryOut } from "./act-on-topology.ts";
import { refuse } from "./check-config.ts";
import type { ModeTask } from "./mode-in-force.ts";
import { type Pod, processOf } from "./pod.ts";
import { inputsOf, isCurrent, isTemplateCurrent } from "./pod-currency.ts";
import { isApproved } from "./roll-pods.ts";
import { type Pass, PROCEED, type Step, type StepResult } from "./step.ts";

const AFTER_LOOK_SECONDS = 1;

export const changeMode: Step = {
  name: "change mode",
  changes: true,
  run: async (pass) => {
    const { modeTask: task, plan } = pass;
    if (task?.isDecided) decide(pass, task);
    if (task === undefined || task.isDecided || plan === undefined) return PROCEED;
    const size = 1 + pass.cluster.spec.replicasPerShard;
    const step = planModeChange({ plan, size, obstacle: obstacleOf(pass) });
    switch (step.kind) {
      case "refused":
        return await goOnAsGroup(pass, { reason: step.reason, message: step.message });
      case "due":
        return await goOnAsGroup(pass, due(step.message));
      case "save":
        return await save(pass, { plan, task, notes: step.notes });
      case "restart":
        return await restart(pass, step.notes, task);
    }
  },
};

function due(what: string): ModeChange {
  return { reason: "ModeChangeDue", message: `Becomes a cluster once this is over: ${what}` };
}

/** What is known before it was looked at. */
export function modeChangeOf(task: ModeTask | undefined): ModeChange | undefined {
  if (task === undefined) return undefined;
  return task.isDecided ? restarting(task) : { reason: "ModeChangeDue", message: "The servers are no cluster as yet" };
}

function restarting({ oldPods }: ModeTask): ModeChange {
  return changing(`${oldPods.length} servers restart as one shard of a cluster`);
}

function obstacleOf(pass: Pass): string | undefined {
  const { dependencies, name, hibernation, restore } = pass;
  if (hibernation !== undefined) return hibernation.message;
  if (isHeldBack(restore)) return restore?.state.message;
  if (dependencies.store.isBackupRunning(name)) return "a backup is being taken";
  const pods = dependencies.store.pods(name);
  const outdated = pods.find((pod) => !isCurrent(pass, pod));
  if (outdated !== undefined) return `pod "${outdated.metadata.name}" has yet to be restarted with the current spec`;
  if (!isApproved(pass)) return `its restart waits for approval (spec.disruption.updateStrategy is Supervised)`;
  // Held ones are not ready, and are not waited for.
  const isAnyHeld = pass.plan?.survey.reachable.some(({ node }) => node.info.group?.state === "held");
  const unready = pods.find((pod) => !isPodReady(pod));
  return unready === undefined || isAnyHeld ? undefined : `pod "${unready.metadata.name}" has to be ready`;
}

/** Writes that wait for the change, or for a save of it, wait no longer. */
async function goOnAsGroup(pass: Pass, why: ModeChange): Promise<StepResult> {
  const before = conditionOf(pass.cluster.status, "UpToDate");
  if (before?.reason === "ModeChanging") await resume(pass);
  pass.modeChange = why;
  return PROCEED;
}

/** Where a server is not reached the pause ends by itself. */
async function resume({ sessions }: Pass): Promise<void> {
  await Promise.allSettled([...sessions.values()].map((session) => session.resume()));
}

interface Saving {
  readonly plan: Plan;
  readonly task: ModeTask;
  readonly notes: readonly Action[];
}

async function save(pass: Pass, { plan, task, notes }: Saving): Promise<StepResult> {
  const problem = await tell(pass, notes);
  if (problem !== undefined) return await refused(pass, problem);
  const states = await Promise.all(
    [...pass.sessions].map(async ([pod, session]) => ({ pod, state: await session.pauseAndSave() })),
  );
  const failed = states.find(({ state }) => state === "failed");
  if (failed !== undefined) {
    await resume(pass);
    const message = `Stays outside of a cluster: server "${failed.pod}" cannot save what it holds; its log says why`;
    pass.modeChange = { reason: "SaveFailed", message };
    return PROCEED;
  }
  const done = states.filter(({ state }) => state === "saved").length;
  if (done < states.length) {
    return wait(pass, `Writes wait while servers save: ${done} of ${states.length} have done so`);
  }
  const next = afterSave(plan);
  if (next.kind === "restart") return becomeCluster(pass, task);
  await carryOut(pass, next.holds);
  return wait(pass, "All servers have saved, and none takes writes");
}

async function restart(pass: Pass, notes: readonly Action[], task: ModeTask): Promise<StepResult> {
  const problem = await tell(pass, notes);
  return problem === undefined ? becomeCluster(pass, task) : await refused(pass, problem);
}

/** The point of no return: from here on servers start as nodes. */
function becomeCluster(pass: Pass, task: ModeTask): StepResult {
  const { cluster, dependencies } = pass;
  dependencies.log.info("All servers have saved, and noted their places in the cluster", {
    servers: task.oldPods.length,
  });
  const note = "All servers have saved what they hold and restart as one shard of a cluster";
  dependencies.events.record({
    regarding: cluster,
    action: "ChangeMode",
    type: "Normal",
    reason: "BecomesCluster",
    note,
  });
  decide(pass, task);
  return PROCEED;
}

/** The rest of the pass is about a cluster, of which nothing is to be planned before its servers are there. */
function decide(pass: Pass, task: ModeTask): void {
  pass.cluster = task.asCluster;
  refuse(pass, pass.refusals);
  pass.plan = undefined;
  pass.modeChange = restarting(task);
}

async function tell({ sessions }: Pass, notes: readonly Action[]): Promise<string | undefined> {
  for (const note of notes) {
    try {
      const session = sessions.get(note.pod);
      if (session === undefined) return `"${note.pod}" was not reached`;
      await session.execute(note);
    } catch (error) {
      return `"${note.pod}" does not note its place in the cluster: ${(error as Error).message}`;
    }
  }
  return undefined;
}

async function refused(pass: Pass, problem: string): Promise<StepResult> {
  await resume(pass);
  pass.modeChange = { reason: "ModeRefused", message: `Stays outside of a cluster: ${problem}` };
  return PROCEED;
}

function changing(message: string): ModeChange {
  return { reason: "ModeChanging", message };
}

function wait(pass: Pass, message: string): StepResult {
  pass.modeChange = changing(message);
  return { kind: "wait", seconds: AFTER_LOOK_SECONDS, reason: message };
}

/**
 * The pods of the group go once their successors will be nodes. One that was alone may have taken writes again, so it saves once
 * more; those of a group were held before this was decided.
 */
export const restartAsCluster: Step = {
  name: "restart as a cluster",
  changes: true,
  run: async (pass) => {
    const { modeTask: task, dependencies, name } = pass;
    if (task === undefined || pass.modeChange?.reason !== "ModeChanging") return PROCEED;
    const pods = dependencies.store.pods(name).filter(({ metadata }) => task.oldPods.includes(metadata.name));
    let message = "Servers of the group stop";
    for (const pod of pods) {
      const podName = pod.metadata.name;
      if (pod.metadata.deletionTimestamp !== undefined) continue;
      if (!isTemplateCurrent(pass, podName)) message = `StatefulSet of "${podName}" has yet to be seen to make nodes`;
      else if (!(await mayGo(pass, pod))) message = `"${podName}" saves what it holds`;
      else {
        const why = changedInputs(inputsOf(pod), pass.startable).join(", ");
        await dependencies.store.deletePod(pod);
        dependencies.log.info("Restarted pod as a node of a cluster", { pod: podName, reason: why });
      }
    }
    return { kind: "wait", seconds: AFTER_LOOK_SECONDS, reason: message };
  },
};

/** Whether all that it has is on its disk. One that leads from its start is not ended before it has been heard, if it may run. */
async function mayGo({ sessions }: Pass, pod: Pod): Promise<boolean> {
  if (modeOfPod(inputsOf(pod)).includes("Replication")) return true;
  const session = sessions.get(pod.metadata.name);
  if (session === undefined) return processOf(pod) === "Gone";
  return (await session.pauseAndSave()) === "saved";
}
