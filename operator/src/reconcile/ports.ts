/**
 * What reconciling needs from outside, as small as it is used. Reads come from caches unless they say otherwise; a cache
 * may lag behind, so every write here is safe to repeat.
 */

import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { JobPod } from "../backup/backup-result.ts";
import type { Job } from "../backup/job-manifest.ts";
import type { KubernetesObject, ObjectName } from "../kubernetes-object.ts";
import type { KvSession } from "../kv/kv-session.ts";
import type { NodeEndpoint } from "../kv/node-connection.ts";
import type { Manifest } from "../resources/manifest.ts";
import type { EventNote } from "../runtime/event-recorder.ts";
import type { Logger } from "../runtime/logger.ts";
import type { UntimedStatus } from "../status/cluster-status.ts";
import type { ChangeCounter } from "./change-meter.ts";
import type { Claim } from "./claim.ts";
import type { Pod } from "./pod.ts";

export interface ClusterStore {
  cluster(name: ObjectName): KVCluster | undefined;
  /** As it is now; asks the API server itself. */
  freshCluster(cluster: KVCluster): Promise<KVCluster>;
  /** What the operator made for the cluster, other than pods. */
  children(name: ObjectName): readonly Manifest[];
  /** A KVBackup by its own name. */
  backup(name: ObjectName): KVBackup | undefined;
  pods(name: ObjectName): readonly Pod[];
  /** The claims of its servers' volumes. */
  claims(name: ObjectName): readonly Claim[];
  /** The pods of a Job; asks the API server itself. */
  podsOf(job: Job): Promise<readonly JobPod[]>;
  /** Asks the API server itself, for objects that are not in a cache. */
  read(reference: KubernetesObject): Promise<Manifest | undefined>;
  create(object: Manifest): Promise<void>;
  /** Returns whether something was sent. */
  apply(wanted: Manifest, live: Manifest | undefined): Promise<boolean>;
  remove(object: Manifest): Promise<void>;
  /** The claims of a StatefulSet are deleted with it, from now on. */
  takeClaimsAlong(set: Manifest): Promise<void>;
  /** Removes a StatefulSet and leaves what it made where it is. */
  removeAlone(set: Manifest): Promise<void>;
  /** Whether a Job reads the shards for a KVBackup, or fills them from one. */
  isBackupRunning(name: ObjectName): boolean;
  /** The server pods as they are now; asks the API server itself. */
  freshPods(name: ObjectName): Promise<readonly Pod[]>;
  /** This very pod, not a successor of its name. */
  deletePod(pod: Pod): Promise<void>;
  /** Null removes a label. A pod that is gone, or has a successor of its name, is left alone. */
  patchLabels(pod: Pod, labels: Readonly<Record<string, string | null>>): Promise<void>;
  /** Returns the API server's words when it refuses. */
  growClaim(claim: Claim, size: string): Promise<string | undefined>;
  /** Sends nothing when the status is as it was. */
  writeStatus(cluster: KVCluster, status: UntimedStatus): Promise<void>;
}

export interface ClusterDependencies {
  readonly store: ClusterStore;
  readonly openSession: (endpoint: NodeEndpoint) => Promise<KvSession>;
  readonly events: { record(note: EventNote): void };
  readonly log: Logger;
  readonly counter: ChangeCounter;
  readonly generatePassword: () => string;
  readonly nowMs: () => number;
}

export interface ClusterOptions {
  readonly defaultImage: string;
  readonly clusterDomain: string;
}
