// The table of controllers: which changes lead to which reconcile function, with its ports plugged in.
import { randomBytes } from "node:crypto";
import { BACKUP_LABEL, CLUSTER_LABEL, SCHEDULED_BACKUP_LABEL } from "./api/labels.ts";
import { type BackupDependencies, type BackupOptions, createBackupReconciler } from "./backup/backup-reconciler.ts";
import { createBackupStore } from "./backup/backup-store.ts";
import { createScheduledBackupReconciler } from "./backup/scheduled-backup-reconciler.ts";
import type { KubeClient } from "./kube/client.ts";
import type { Caches } from "./kube/mirror.ts";
import { type KubernetesObject, nameOf, type ObjectName } from "./kubernetes-object.ts";
import { openKvSession } from "./kv/kv-session.ts";
import type { ChangeCounter } from "./reconcile/change-meter.ts";
import { createClusterReconciler } from "./reconcile/cluster-reconciler.ts";
import { CHILD_KINDS, createClusterStore } from "./reconcile/cluster-store.ts";
import { Applier } from "./runtime/applier.ts";
import type { Clock, Random } from "./runtime/clock.ts";
import {
  Controller,
  controllingOwner,
  exceptStatus,
  itself,
  namedByLabel,
  type ReconcileMeter,
} from "./runtime/controller.ts";
import type { EventRecorder } from "./runtime/event-recorder.ts";
import type { Logger } from "./runtime/logger.ts";
import { StatusWriter } from "./runtime/status-writer.ts";

export interface ControllersDependencies {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly recorder: EventRecorder;
  readonly meter: ReconcileMeter & ChangeCounter;
  /** Image of servers and backup Jobs whose resource names none. */
  readonly serverImage: string;
  readonly clusterDomain: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Passes wait for servers most of the time, so several run side by side. */
const CLUSTERS_AT_A_TIME = 8;
const BACKUPS_AT_A_TIME = 4;
const PASSWORD_BYTES = 24;

export function createControllers(dependencies: ControllersDependencies): readonly Controller[] {
  const { client, caches, clock } = dependencies;
  const applier = new Applier(client);
  const statusWriter = new StatusWriter(client, clock);
  forgetDeleted(caches, applier, statusWriter);
  return [
    clusterController(dependencies, applier, statusWriter),
    backupController(dependencies, statusWriter),
    scheduledBackupController(dependencies, statusWriter),
  ];
}

function clusterController(
  dependencies: ControllersDependencies,
  applier: Applier,
  statusWriter: StatusWriter,
): Controller {
  const { client, caches, recorder, log, clock, meter, serverImage, clusterDomain } = dependencies;
  const reconcile = createClusterReconciler(
    { defaultImage: serverImage, clusterDomain },
    {
      store: createClusterStore({ client, caches, applier, statusWriter }),
      openSession: openKvSession,
      events: recorder,
      log,
      counter: meter,
      nowMs: () => clock.now(),
      generatePassword: () => randomBytes(PASSWORD_BYTES).toString("base64url"),
    },
  );
  const watched = [
    { cache: caches.KVCluster, requestsFor: itself, when: exceptStatus },
    { cache: caches.Pod, requestsFor: namedByLabel(CLUSTER_LABEL) },
    { cache: caches.PersistentVolumeClaim, requestsFor: namedByLabel(CLUSTER_LABEL) },
    { cache: caches.Job, requestsFor: controllingOwner("KVCluster") },
    { cache: caches.KVBackup, requestsFor: restoredFrom(caches) },
    ...CHILD_KINDS.map((kind) => ({ cache: caches[kind], requestsFor: controllingOwner("KVCluster") })),
  ];
  return new Controller(
    { name: "cluster", concurrency: CLUSTERS_AT_A_TIME, primary: caches.KVCluster, watched, reconcile },
    dependencies,
  );
}

/** The clusters that wait for a backup to be there, or to be completed. */
function restoredFrom({ KVCluster }: Caches): (backup: KubernetesObject) => readonly ObjectName[] {
  return ({ metadata }) =>
    KVCluster.list({ namespace: metadata.namespace ?? "" })
      .filter(({ spec }) => spec.bootstrap?.backupRef?.name === metadata.name)
      .map(nameOf);
}

function backupController(dependencies: ControllersDependencies, statusWriter: StatusWriter): Controller {
  const { caches } = dependencies;
  const watched = [
    { cache: caches.KVBackup, requestsFor: itself, when: exceptStatus },
    { cache: caches.Job, requestsFor: namedByLabel(BACKUP_LABEL) },
    { cache: caches.Pod, requestsFor: namedByLabel(BACKUP_LABEL) },
  ];
  const reconcile = createBackupReconciler(...backupParts(dependencies, statusWriter));
  return new Controller(
    { name: "backup", concurrency: BACKUPS_AT_A_TIME, primary: caches.KVBackup, watched, reconcile },
    dependencies,
  );
}

function scheduledBackupController(dependencies: ControllersDependencies, statusWriter: StatusWriter): Controller {
  const { caches } = dependencies;
  const watched = [
    { cache: caches.KVScheduledBackup, requestsFor: itself, when: exceptStatus },
    { cache: caches.KVBackup, requestsFor: namedByLabel(SCHEDULED_BACKUP_LABEL) },
    { cache: caches.Job, requestsFor: namedByLabel(SCHEDULED_BACKUP_LABEL) },
  ];
  const reconcile = createScheduledBackupReconciler(...backupParts(dependencies, statusWriter));
  return new Controller(
    { name: "scheduled-backup", concurrency: BACKUPS_AT_A_TIME, primary: caches.KVScheduledBackup, watched, reconcile },
    dependencies,
  );
}

function backupParts(
  { client, caches, recorder, clock, serverImage, clusterDomain }: ControllersDependencies,
  statusWriter: StatusWriter,
): [BackupOptions, BackupDependencies] {
  const store = createBackupStore({ client, caches, statusWriter });
  return [
    { defaultImage: serverImage, clusterDomain },
    { store, events: recorder, clock },
  ];
}

/** What is remembered about an object goes with it. */
function forgetDeleted(caches: Caches, applier: Applier, statusWriter: StatusWriter): void {
  for (const cache of Object.values(caches)) {
    cache.subscribe(({ type, object }) => {
      if (type === "deleted") {
        applier.forget(object);
        statusWriter.forget(object);
      }
    });
  }
}
