// What every Kubernetes object has in common, as plain data. Objects are passed around as the JSON they are; only what
// some code reads is typed. Below every folder, so that api/, runtime/ and kube/ speak of the same thing.

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** Names one object of a kind. A reconcile request is nothing more than this. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

export function nameOf(object: KubernetesObject): ObjectName {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}
