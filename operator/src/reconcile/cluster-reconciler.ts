/**
 * Reconciles one KVCluster: observe → plan → act → report, as the list of steps below. The request is only a name; the
 * world is read anew each time, and a settled cluster causes reads only. Deleting is left to owner references: children
 * go with their owner, volumes as spec.storage.reclaimPolicy says.
 */

import type { ObjectName } from "../kubernetes-object.ts";
import { NO_USERS } from "../resources/declared-users.ts";
import type { Outcome } from "../runtime/work-queue.ts";
import { actOnTopology } from "./act-on-topology.ts";
import { announceExternal } from "./announce-external.ts";
import { applyConfig } from "./apply-config.ts";
import { applyUsers } from "./apply-users.ts";
import { ChangeMeter } from "./change-meter.ts";
import { changeMode, modeChangeOf, restartAsCluster } from "./change-mode.ts";
import { checkConfig } from "./check-config.ts";
import { checkTls } from "./check-tls.ts";
import { ensureChildren } from "./ensure-children.ts";
import { ensurePassword } from "./ensure-password.ts";
import { growVolumes, readVolumeSize, renewSets } from "./grow-volumes.ts";
import { hibernate, observeHibernation, rest } from "./hibernate.ts";
import { labelRoles } from "./label-roles.ts";
import { modeInForce } from "./mode-in-force.ts";
import { observeRestore } from "./observe-restore.ts";
import { observeServers } from "./observe-servers.ts";
import { Patience } from "./patience.ts";
import { planServers } from "./plan-servers.ts";
import type { ClusterDependencies, ClusterOptions } from "./ports.ts";
import { removeShards } from "./remove-shards.ts";
import { renewLease } from "./renew-lease.ts";
import { report } from "./report.ts";
import { restoreData } from "./restore-data.ts";
import { rollPods } from "./roll-pods.ts";
import { rotatePassword } from "./rotate-password.ts";
import { shardSets } from "./shard-sets.ts";
import { Spellings } from "./spellings.ts";
import { spreadPrimaries } from "./spread-primaries.ts";
import { type Pass, PROCEED, type Step, type StepResult } from "./step.ts";

const STEPS: readonly Step[] = [
  checkConfig,
  checkTls,
  ensurePassword,
  readVolumeSize,
  observeServers,
  planServers,
  renewLease,
  observeRestore,
  observeHibernation,
  hibernate,
  changeMode,
  rotatePassword,
  applyConfig,
  applyUsers,
  announceExternal,
  ensureChildren,
  restartAsCluster,
  growVolumes,
  renewSets,
  rest,
  labelRoles,
  removeShards,
  rollPods,
  actOnTopology,
  restoreData,
  spreadPrimaries,
];

const SETTLED_SECONDS = 30;
/** A group whose primary does not answer is noticed by looking, and a lease is renewed by it; so is a pause of its writes. */
const GROUP_SECONDS = 3;

export function createClusterReconciler(
  options: ClusterOptions,
  dependencies: ClusterDependencies,
): (name: ObjectName) => Promise<Outcome> {
  const patience = new Patience();
  const changes = new ChangeMeter(dependencies.counter);
  const spellings = new Spellings();
  return async (name) => {
    const key = `${name.namespace}/${name.name}`;
    const wanted = dependencies.store.cluster(name);
    if (wanted === undefined || wanted.metadata.deletionTimestamp !== undefined) {
      patience.forget(key);
      changes.forget(name);
      return {};
    }
    const log = dependencies.log.with({ cluster: key });
    const sets = shardSets({ name, cluster: wanted, dependencies });
    const { cluster, task } = modeInForce(wanted, sets, dependencies.store.pods(name));
    const given = { name, cluster, modeTask: task, options, dependencies: { ...dependencies, log }, spellings };
    const pass = newPass(given);
    const result = await runPass(pass);
    if (pass.plan !== undefined) changes.see(name, pass.cluster, pass.plan.survey);
    const isLeased =
      cluster.spec.mode === "Replication" || task !== undefined || pass.plan?.group?.renewal !== undefined;
    const longest = isLeased ? GROUP_SECONDS : SETTLED_SECONDS;
    if (result.kind === "wait") {
      const seconds = patience.secondsFor(key, result.reason, result.seconds);
      return { requeueAfterMs: 1000 * Math.min(seconds, longest) };
    }
    patience.forget(key);
    return { requeueAfterMs: 1000 * longest };
  };
}

async function runPass(pass: Pass): Promise<StepResult> {
  try {
    const result = await runSteps(pass);
    await report(pass, result);
    return result;
  } finally {
    for (const session of pass.sessions.values()) session.close();
  }
}

/** What the API server refuses is told in the status before the pass is retried: nobody reads the operator's log first. */
async function runSteps(pass: Pass): Promise<StepResult> {
  for (const step of STEPS) {
    if (step.changes && pass.cluster.spec.paused) continue;
    try {
      const result = await step.run(pass);
      if (result.kind !== "proceed") return result;
    } catch (error) {
      const cause = error as Error;
      await reportFailure(pass, cause.message);
      throw new Error(`Failed to ${step.name}: ${cause.message}`, { cause });
    }
  }
  return PROCEED;
}

async function reportFailure(pass: Pass, message: string): Promise<void> {
  try {
    await report(pass, { kind: "stop", reason: "ReconcileFailed", message });
  } catch (error) {
    pass.dependencies.log.debug("Failed to report a failed pass", { error });
  }
}

type Given = Pick<Pass, "name" | "cluster" | "modeTask" | "options" | "dependencies" | "spellings">;

function newPass(given: Given): Pass {
  return {
    ...given,
    sessions: new Map(),
    password: undefined,
    nextPassword: undefined,
    oldPassword: undefined,
    laggingPods: new Set(),
    passwordProblem: undefined,
    refusals: new Map(),
    startable: given.cluster,
    leftDirectives: [],
    configTurnout: undefined,
    users: NO_USERS,
    userProblems: undefined,
    userTurnout: undefined,
    external: undefined,
    opensExternalPort: false,
    certificate: undefined,
    authority: undefined,
    identity: undefined,
    volumeSize: undefined,
    volumeRefusal: undefined,
    podViews: [],
    plan: undefined,
    restartWait: undefined,
    restore: undefined,
    hibernation: undefined,
    modeChange: modeChangeOf(given.modeTask),
  };
}
