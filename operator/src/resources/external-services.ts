/**
 * One Service for each server, by which clients outside of Kubernetes reach just that one: a client of a cluster goes to the
 * server that owns a slot. They lead to a port of their own, by which servers know to show such clients addresses of outside.
 * Which address a Service has is known once Kubernetes has given it (reconcile/announce-external.ts).
 */

import { ROLE_LABEL, SHARD_LABEL } from "../api/labels.ts";
import {
  type ChildContext,
  CLIENT_PORT,
  childMetadata,
  EXTERNAL_PORT,
  type Manifest,
  serverSelector,
} from "./manifest.ts";
import { externalServiceName } from "./names.ts";

/** Set by the StatefulSet controller. */
const POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name";

export function externalServices({ cluster, servers, isHeldBack }: ChildContext): readonly Manifest[] {
  const { external } = cluster.spec.networking;
  if (external === undefined) return [];
  const { type, annotations, labels } = external;
  // No pod has a role while a cluster is held back.
  const role = isHeldBack ? { [ROLE_LABEL]: "primary" } : {};
  return servers.map(({ pod, shard }) => {
    const metadata = childMetadata(cluster, externalServiceName(pod), { [SHARD_LABEL]: String(shard) });
    return {
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        ...metadata,
        labels: { ...labels, ...metadata.labels },
        ...(annotations === undefined ? {} : { annotations }),
      },
      spec: {
        type,
        // Where the server is not ready it says so itself; clients that look for another one need an answer.
        publishNotReadyAddresses: true,
        selector: { ...serverSelector(cluster), [POD_NAME_LABEL]: pod, ...role },
        sessionAffinity: "None",
        internalTrafficPolicy: "Cluster",
        externalTrafficPolicy: "Cluster",
        ...(type === "LoadBalancer" ? { allocateLoadBalancerNodePorts: true } : {}),
        ports: [{ name: "client", port: CLIENT_PORT, targetPort: EXTERNAL_PORT, protocol: "TCP" }],
      },
    };
  });
}
