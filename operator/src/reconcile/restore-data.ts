/**
 * Starts the Job that fills a new cluster from the backup that spec.bootstrap names, once the cluster is formed and only into
 * an empty one, and waits for its end. The cluster becomes Ready after that.
 */

import { restoreJob } from "../backup/restore-job.ts";
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

async function start({ cluster, dependencies, options, name }: Pass): Promise<void> {
  const { store, events, log } = dependencies;
  const backupName = cluster.spec.bootstrap?.backupRef?.name ?? "";
  const { path = "", claimName = "" } = store.backup({ namespace: name.namespace, name: backupName })?.status ?? {};
  await store.create(restoreJob({ cluster, path, claimName, ...options }));
  log.info("Started restore", { backup: backupName, claim: claimName, path });
  const note = `Started to restore KVBackup "${backupName}"`;
  events.record({ regarding: cluster, action: "Restore", type: "Normal", reason: "RestoreStarted", note });
}
