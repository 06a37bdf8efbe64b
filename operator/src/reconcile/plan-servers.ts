/**
 * The plan from what the servers said, by the mode. What is remembered of a group is in the status: a cache may show an old one, so
 * where nobody leads it is read from the API server before anything is concluded from it.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { statefulSetName } from "../resources/names.ts";
import { GROUP_LEASE_SECONDS } from "../resources/pod-template.ts";
import { modeOfPod } from "../resources/restart-inputs.ts";
import { wasFormed } from "../status/cluster-facts.ts";
import { recordOf } from "../status/group-record.ts";
import type { PodView } from "../topology/cluster-view.ts";
import { type Plan, plan } from "../topology/plan.ts";
import { planGroup } from "../topology/plan-group.ts";
import { makesNodes } from "./mode-in-force.ts";
import { inputsOf } from "./pod-currency.ts";
import { type Pass, PROCEED, type Step, type StepResult } from "./step.ts";

/** Far beyond election and restart times; see plan-takeover.ts for what else must hold. */
const TAKEOVER_AFTER_SECONDS = 60;

export const planServers: Step = {
  name: "plan",
  changes: false,
  run: async (pass) => {
    pass.plan = pass.cluster.spec.mode === "Cluster" ? planCluster(pass) : await planMembers(pass, pass.podViews);
    return pass.plan === undefined ? OUTDATED : PROCEED;
  },
};

/** Nothing is concluded from what is seen of a group that is none any more. */
const OUTDATED: StepResult = {
  kind: "wait",
  seconds: 1,
  reason: "The group has become a cluster, which is not seen yet",
};

function planCluster(pass: Pass): Plan {
  const { shards, replicasPerShard, storage } = pass.cluster.spec;
  const isEphemeral = storage.type === "Ephemeral";
  const isFormed = wasFormed(pass) && !isEphemeral;
  const isBackupRunning = pass.dependencies.store.isBackupRunning(pass.name);
  const takeoverAfterSeconds = TAKEOVER_AFTER_SECONDS;
  const spec = { shards, replicasPerShard, isFormed, isEphemeral, isBackupRunning, takeoverAfterSeconds };
  return plan({ pods: pass.podViews }, spec);
}

/** Undefined where nobody is to lead outside of a cluster any more, which a cache may not show yet. */
async function planMembers(pass: Pass, pods: readonly PodView[]): Promise<Plan | undefined> {
  const { cluster, dependencies } = pass;
  const unfenced = unfencedPods(pass);
  const spec = { replicas: cluster.spec.replicasPerShard, leaseSeconds: GROUP_LEASE_SECONDS };
  const from = ({ status }: Pick<KVCluster, "status">) => planGroup({ pods, record: recordOf(status), unfenced }, spec);
  const seen = from(cluster);
  if (seen.survey.slotsOf.size > 0) return seen;
  const fresh = await dependencies.store.freshCluster(cluster);
  return fresh.spec.mode === "Cluster" && (await isDecided(pass)) ? undefined : from(fresh);
}

async function isDecided({ name, dependencies }: Pass): Promise<boolean> {
  const metadata = { namespace: name.namespace, name: statefulSetName(name.name, 0) };
  const set = await dependencies.store.read({ ...RESOURCE_KINDS.StatefulSet, metadata });
  return set !== undefined && makesNodes(set);
}

/** Made as what leads from its start. */
function unfencedPods({ dependencies, name }: Pass): ReadonlySet<string> {
  const pods = dependencies.store.pods(name).filter((pod) => !modeOfPod(inputsOf(pod)).includes("Replication"));
  return new Set(pods.map(({ metadata }) => metadata.name));
}
