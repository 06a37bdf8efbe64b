// The volume claim of backups: an existing one, or the cluster's own, `<cluster>-backup`, which the operator makes when it
// is not there. It has no owner: backups outlive their cluster, and whoever deletes the claim deletes them.
import type { KVBackup } from "../api/kv-backup.ts";
import { CLUSTER_LABEL, COMPONENT_LABEL, MANAGED_BY, MANAGED_BY_LABEL, NAME_LABEL } from "../api/labels.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { BACKUP_COMPONENT } from "./job-manifest.ts";

export interface Claim extends KubernetesObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Undefined where the backup is on no volume. */
export function claimNameOf({ spec }: Pick<KVBackup, "spec">): string | undefined {
  const { persistentVolumeClaim: claim } = spec.destination;
  return claim && (claim.claimName ?? `${spec.clusterRef.name}-backup`);
}

/** The claim to make, or undefined when the backup names an existing one. */
export function claimToMake({ metadata, spec }: KVBackup): Claim | undefined {
  const { size, storageClassName } = spec.destination.persistentVolumeClaim ?? {};
  const name = claimNameOf({ spec });
  if (size === undefined || name === undefined) {
    return undefined;
  }
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      namespace: metadata.namespace ?? "",
      labels: {
        [NAME_LABEL]: "kvcluster",
        [COMPONENT_LABEL]: BACKUP_COMPONENT,
        [MANAGED_BY_LABEL]: MANAGED_BY,
        [CLUSTER_LABEL]: spec.clusterRef.name,
      },
    },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: size } },
      ...(storageClassName === undefined ? {} : { storageClassName }),
    },
  };
}
