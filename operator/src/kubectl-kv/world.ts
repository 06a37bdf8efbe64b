/**
 * What the plugin looks at to tell how a cluster is: objects of Kubernetes, and what each server says of itself. Plain data,
 * read in one go by read-world.ts; everything shown is a function of it (report.ts).
 */

import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { ServerState } from "./server-state.ts";

export interface ServerPod extends KubernetesObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly {
      readonly restartCount?: number;
      readonly state?: { readonly waiting?: { readonly reason?: string } };
    }[];
  };
}

/** A server's word, or why there is none. */
export type ServerAnswer =
  | { readonly kind: "state"; readonly state: ServerState }
  | { readonly kind: "silent"; readonly reason: string };

export interface World {
  readonly cluster: KVCluster;
  readonly pods: readonly ServerPod[];
  /** By name of the pod. */
  readonly servers: ReadonlyMap<string, ServerAnswer>;
  readonly backups: readonly KVBackup[];
  readonly schedules: readonly KVScheduledBackup[];
  /** Kinds that the person may not list. */
  readonly refusals: readonly string[];
}
