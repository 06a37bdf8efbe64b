/**
 * Puts a cluster to sleep and wakes it up (spec.hibernated). Going to sleep: what is under way ends first (a backup, moving
 * slots), then clients may not write any more, every server saves what it holds, and only when all have done so the
 * StatefulSets get no pods. Nobody hands over or elects meanwhile, so that each server comes back in its role. A save that
 * fails keeps everything up. Waking up undoes that on servers that never stopped, and lets the others come back.
 *
 * Whether a set has no pods is the memory: an operator that takes over in the middle goes on with the others.
 */

import { conditionOf } from "../api/condition.ts";
import { isPodReady } from "../pod-readiness.ts";
import type { Manifest } from "../resources/manifest.ts";
import { wasFormed } from "../status/cluster-facts.ts";
import type { HibernationState } from "../status/hibernation-state.ts";
import { leavingSets, replicasOf, shardSets } from "./shard-sets.ts";
import { type Pass, PROCEED, type Step, type StepResult } from "./step.ts";

const AFTER_LOOK_SECONDS = 1;

export const observeHibernation: Step = {
  name: "observe hibernation",
  changes: false,
  run: async (pass) => {
    pass.hibernation = stateOf(pass);
    return PROCEED;
  },
};

function stateOf(pass: Pass): HibernationState | undefined {
  const { cluster, dependencies, name } = pass;
  if (!cluster.spec.hibernated) return conditionOf(cluster.status, "Hibernated") && WAKING;
  const pods = dependencies.store.pods(name).length;
  if (runningSets(pass).length === 0) return pods === 0 ? HIBERNATED : stopping(pods);
  if (!wasFormed(pass) && pass.restore?.state.kind !== "running") return stopping(pods);
  const obstacle = obstacleOf(pass);
  return obstacle === undefined
    ? { kind: "saving", reason: "Saving", message: "Servers save what they hold" }
    : { kind: "due", reason: "HibernationDue", message: `Hibernates once this is over: ${obstacle}` };
}

const HIBERNATED: HibernationState = {
  kind: "hibernated",
  reason: "Hibernated",
  message: "Nothing runs, all is saved: spec.hibernated is true",
};

const WAKING: HibernationState = { kind: "waking", reason: "Waking", message: "Servers start with what they saved" };

function stopping(pods: number): HibernationState {
  return { kind: "stopping", reason: "Stopping", message: `All is saved: ${pods} pods stop` };
}

function obstacleOf(pass: Pass): string | undefined {
  const { plan, restore, dependencies, name } = pass;
  if (restore?.state.kind === "running") return restore.state.message;
  if (dependencies.store.isBackupRunning(name)) return "a backup is being taken";
  const [leaving] = leavingSets(pass);
  if (leaving !== undefined) return `shard "${leaving.metadata.name}" is being drained`;
  if (plan === undefined) return "the servers were not asked";
  const moving = plan.survey.reachable.some(({ node }) => node.migrations?.some(({ isUnderWay }) => isUnderWay));
  if (moving) return "slots are moving";
  // Where some have been stopped already nobody answers for their slots.
  const isBegun = runningSets(pass).length < shardSets(pass).length;
  const isIncomplete = plan.survey.absentOwners.length > 0 || plan.survey.unassigned.length > 0;
  return isIncomplete && !isBegun ? "not all slots are served" : undefined;
}

export const hibernate: Step = {
  name: "hibernate",
  changes: true,
  run: async (pass) => {
    switch (pass.hibernation?.kind) {
      case "saving":
        return await save(pass);
      case "stopping":
      case "hibernated":
        pass.plan = undefined;
        return PROCEED;
      case "waking":
        await release(pass);
        return PROCEED;
      case undefined:
      case "due":
        return PROCEED;
    }
  },
};

async function save(pass: Pass): Promise<StepResult> {
  const states = await Promise.all(
    [...pass.sessions].map(async ([pod, it]) => ({ pod, state: await it.holdAndSave() })),
  );
  const failed = states.find(({ state }) => state === "failed");
  const done = states.filter(({ state }) => state === "saved").length;
  if (done === states.length) {
    pass.hibernation = stopping(pass.podViews.length);
    pass.plan = undefined;
    pass.dependencies.log.info("All servers saved what they hold", { servers: done });
    return PROCEED;
  }
  const message =
    failed === undefined
      ? `${done} of ${states.length} servers have saved what they hold`
      : `Server "${failed.pod}" cannot save what it holds, so nothing is stopped; its log says why`;
  pass.hibernation = { kind: "saving", reason: failed === undefined ? "Saving" : "SaveFailed", message };
  return { kind: "wait", seconds: AFTER_LOOK_SECONDS, reason: message };
}

/** Servers that have restarted since know nothing of it, so it may be said more than once. */
async function release(pass: Pass): Promise<void> {
  const mayFailOver = pass.cluster.spec.config?.["cluster-replica-no-failover"] !== "yes";
  for (const session of pass.sessions.values()) await session.release(mayFailOver);
  const isEveryoneThere = pass.podViews.every(({ node }) => node !== undefined);
  const isEveryoneReady = pass.dependencies.store.pods(pass.name).every(isPodReady);
  if (isEveryoneThere && isEveryoneReady && pass.plan?.isSettled) pass.hibernation = undefined;
}

/** The rest of a pass is for those who are awake. */
export const rest: Step = {
  name: "rest",
  changes: true,
  run: async ({ hibernation }) => {
    switch (hibernation?.kind) {
      case "stopping":
        return { kind: "wait", seconds: AFTER_LOOK_SECONDS, reason: hibernation.message };
      case "hibernated":
        return { kind: "stop", reason: hibernation.reason, message: hibernation.message };
      default:
        return PROCEED;
    }
  },
};

function runningSets(pass: Pass): readonly Manifest[] {
  return shardSets(pass).filter((set) => (replicasOf(set) ?? 1) > 0);
}
