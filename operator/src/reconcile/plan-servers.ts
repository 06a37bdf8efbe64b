/**
 * The plan from what the servers said, by the mode. What is remembered of a group is in the status: a cache may show an old one, so
 * where nobody leads it is read from the API server before anything is concluded from it.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { GROUP_LEASE_SECONDS } from "../resources/pod-template.ts";
import { modeOfPod } from "../resources/restart-inputs.ts";
import { wasFormed } from "../status/cluster-facts.ts";
import { recordOf } from "../status/group-record.ts";
import type { PodView } from "../topology/cluster-view.ts";
import { type Plan, plan } from "../topology/plan.ts";
import { planGroup } from "../topology/plan-group.ts";
import { inputsOf } from "./pod-currency.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

/** Far beyond election and restart times; see plan-takeover.ts for what else must hold. */
const TAKEOVER_AFTER_SECONDS = 60;

export const planServers: Step = {
  name: "plan",
  changes: false,
  run: async (pass) => {
    pass.plan = pass.cluster.spec.mode === "Cluster" ? planCluster(pass) : await planMembers(pass, pass.podViews);
    return PROCEED;
  },
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

async function planMembers(pass: Pass, pods: readonly PodView[]): Promise<Plan> {
  const { cluster, dependencies } = pass;
  const unfenced = unfencedPods(pass);
  const spec = { replicas: cluster.spec.replicasPerShard, leaseSeconds: GROUP_LEASE_SECONDS };
  const from = ({ status }: Pick<KVCluster, "status">) => planGroup({ pods, record: recordOf(status), unfenced }, spec);
  const seen = from(cluster);
  if (seen.survey.slotsOf.size > 0) return seen;
  return from(await dependencies.store.freshCluster(cluster));
}

/** Made as what leads from its start. */
function unfencedPods({ dependencies, name }: Pass): ReadonlySet<string> {
  const pods = dependencies.store.pods(name).filter((pod) => !modeOfPod(inputsOf(pod)).includes("Replication"));
  return new Set(pods.map(({ metadata }) => metadata.name));
}
