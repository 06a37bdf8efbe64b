/**
 * Starts the Job that fills a new cluster from what spec.bootstrap names, once the cluster is formed and only into
 * an empty one, and waits for its end. The cluster becomes Ready after that.
 */

import type { KVClusterSpec } from "../api/kv-cluster.ts";
import { placeOf } from "../backup/backup-place.ts";
import type { Job } from "../backup/job-manifest.ts";
import { importJob, restoreJob } from "../backup/restore-job.ts";
import { sourceOf } from "../backup/restore-plan.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

const RUNNING_SECONDS = 5;
/** What is waited for wakes the cluster up when it comes. */
const WAITING_SECONDS = 10;

export const restoreData: Step = {
  name: "restore data",
  changes: true,
  run: async (pass) => {
    const state = pass.restore?.state;
    switch (state?.kind) {
      case undefined:
      case "done":
        return PROCEED;
      case "failed":
        return { kind: "stop", reason: state.reason, message: state.message };
      case "waiting":
        return { kind: "wait", seconds: WAITING_SECONDS, reason: state.message };
      case "running":
        return { kind: "wait", seconds: RUNNING_SECONDS, reason: state.message };
      case "due":
        await start(pass);
        return { kind: "wait", seconds: RUNNING_SECONDS, reason: state.message };
    }
  },
};

async function start(pass: Pass): Promise<void> {
  const { cluster, dependencies } = pass;
  const { store, events, log } = dependencies;
  const { bootstrap = {} } = cluster.spec;
  await store.create(jobOf(pass, bootstrap));
  log.info("Started restore", { source: sourceOf(bootstrap) });
  const note = `Started to restore ${sourceOf(bootstrap)}`;
  events.record({ regarding: cluster, action: "Restore", type: "Normal", reason: "RestoreStarted", note });
}

function jobOf(
  { cluster, dependencies, options, name }: Pass,
  bootstrap: NonNullable<KVClusterSpec["bootstrap"]>,
): Job {
  const { backupRef, externalSource } = bootstrap;
  if (externalSource !== undefined) return importJob({ cluster, source: externalSource, ...options });
  const backup = dependencies.store.backup({ namespace: name.namespace, name: backupRef?.name ?? "" });
  const place = backup && placeOf(backup);
  if (place === undefined) throw new Error(`${sourceOf(bootstrap)} does not say where its files are any more`);
  return restoreJob({ cluster, place, ...options });
}
