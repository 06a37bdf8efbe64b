/**
 * Looks how far the restore of a new cluster is: the backup it waits for, the Job and its pods. The Job is asked for anew,
 * because a lagging cache would have it made twice. A cluster that restores nothing, or has done so, costs nothing here.
 */

import type { Job } from "../backup/job-manifest.ts";
import { restoreJobName } from "../backup/restore-job.ts";
import { planRestore } from "../backup/restore-plan.ts";
import { isPodReady } from "../pod-readiness.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

export const observeRestore: Step = {
  name: "observe restore",
  changes: false,
  run: async (pass) => {
    const { cluster, dependencies, name } = pass;
    const { store } = dependencies;
    const { bootstrap } = cluster.spec;
    if (bootstrap === undefined) return PROCEED;
    const backup = bootstrap.backupRef && store.backup({ namespace: name.namespace, name: bootstrap.backupRef.name });
    const isOver = cluster.status?.restore?.completedAt !== undefined;
    const job = isOver ? undefined : await readJob(pass);
    pass.restore = planRestore({
      cluster,
      backup,
      hasClaim: !isOver && (await hasClaim(pass, backup?.status?.claimName)),
      job,
      jobPods: job === undefined ? [] : await store.podsOf(job),
      ...sightOf(pass),
    });
    return PROCEED;
  },
};

async function readJob({ name, dependencies }: Pass): Promise<Job | undefined> {
  const metadata = { namespace: name.namespace, name: restoreJobName(name.name) };
  return (await dependencies.store.read({ apiVersion: "batch/v1", kind: "Job", metadata })) as Job | undefined;
}

async function hasClaim({ name, dependencies }: Pass, claimName: string | undefined): Promise<boolean> {
  if (claimName === undefined) return false;
  const metadata = { namespace: name.namespace, name: claimName };
  const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata };
  return (await dependencies.store.read(claim)) !== undefined;
}

function sightOf({ plan, podViews, name, dependencies }: Pass): { readonly isFormed: boolean; readonly keys: number } {
  const ready = new Set(
    dependencies.store
      .pods(name)
      .filter(isPodReady)
      .map(({ metadata }) => metadata.name),
  );
  const isFormed = plan?.isSettled === true && podViews.every(({ pod }) => ready.has(pod));
  const owners = plan?.survey.reachable.filter(({ node }) => plan.survey.slotsOf.has(node.id)) ?? [];
  return { isFormed, keys: owners.reduce((sum, { node }) => sum + node.info.keys, 0) };
}
