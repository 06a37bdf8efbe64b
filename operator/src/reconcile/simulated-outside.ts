/** What a simulated Kubernetes gives to Services for outside: node ports as the API server does, load balancers as a cloud does. */

import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { FakeApiServer } from "../runtime/fake-api-server.ts";
import type { Admit } from "../runtime/fake-object-store.ts";

export interface Outside {
  /** Address of the node of a pod, where it is another one than usual. */
  readonly nodeAddresses: Map<string, string>;
  /** Addresses of load balancers, by Service. */
  readonly balancers: Map<string, string>;
}

export const NODE_ADDRESS = "192.168.0.1";
const FIRST_NODE_PORT = 30_000;
const OUTSIDE_TYPES = ["NodePort", "LoadBalancer"];

interface Service extends KubernetesObject {
  /** Somebody else's may be without. */
  readonly spec?: { readonly type: string; readonly ports: readonly { readonly nodePort?: number }[] };
  readonly status?: unknown;
}

/** A Service keeps the ports that it was given. */
export function nodePortAllocator(): Admit {
  let given = 0;
  return (object, previous) => {
    if (object.kind !== "Service") return object;
    const { spec } = object as Service;
    if (spec === undefined || !OUTSIDE_TYPES.includes(spec.type)) return object;
    const before = (previous as Service | undefined)?.spec?.ports ?? [];
    const ports = spec.ports.map((port, index) => ({
      ...port,
      nodePort: port.nodePort ?? before[index]?.nodePort ?? FIRST_NODE_PORT + given++,
    }));
    return { ...object, spec: { ...spec, ports } } as KubernetesObject;
  };
}

export function balanceLoads(server: FakeApiServer, namespace: string, { balancers }: Outside): void {
  for (const service of server.list<Service>(RESOURCE_KINDS.Service, namespace)) {
    const ip = balancers.get(service.metadata.name);
    const status = { loadBalancer: ip === undefined ? {} : { ingress: [{ ip }] } };
    const isBalanced = service.spec?.type === "LoadBalancer";
    if (isBalanced && JSON.stringify(service.status) !== JSON.stringify(status)) server.setStatus(service, status);
  }
}
