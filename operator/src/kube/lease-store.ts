// The Lease object behind leader election. The update carries the version that was read: the API server refuses the
// slower of two candidates. Times are strings with six digits of a second both ways.
import type { KubernetesObject, ObjectName } from "../kubernetes-object.ts";
import type { Lease, LeaseSpec, LeaseStore } from "../runtime/leader-elector.ts";
import type { KubeClient } from "./client.ts";
import { RESOURCE_KINDS } from "./resource-kinds.ts";

interface LeaseObject extends KubernetesObject {
  readonly spec?: LeaseSpec;
}

export function leaseStore(client: KubeClient, { namespace, name }: ObjectName): LeaseStore {
  const objectOf = (spec: LeaseSpec, resourceVersion?: string): LeaseObject => ({
    apiVersion: RESOURCE_KINDS.Lease.apiVersion,
    kind: RESOURCE_KINDS.Lease.kind,
    metadata: { namespace, name, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec,
  });
  return {
    read: async (signal) => {
      const object = await client.get<LeaseObject>(RESOURCE_KINDS.Lease, { namespace, name }, signal);
      return object === undefined ? undefined : leaseOf(object);
    },
    create: async (spec, signal) => leaseOf(await client.create(objectOf(spec), signal)),
    update: async (lease, signal) => leaseOf(await client.replace(objectOf(lease.spec, lease.resourceVersion), signal)),
  };
}

function leaseOf({ metadata, spec = {} }: LeaseObject): Lease {
  return { resourceVersion: metadata.resourceVersion ?? "", spec };
}
