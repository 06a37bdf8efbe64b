/**
 * The Services of a cluster. The headless one gives every server its host name, also before it is ready, because servers
 * find each other by it. The discovery Service leads to any ready server, where cluster-aware clients learn the rest. The
 * write and read Services follow the live role: their selector is a pod label that reconcile keeps to what servers say.
 * While a cluster is held back no pod has that label, and the discovery Service asks for it too.
 *
 * Outside of a cluster a client does not find the primary by itself, so the first Service leads there; with one server alone it is
 * the only one.
 */

import { READS_LABEL, ROLE_LABEL } from "../api/labels.ts";
import { type ChildContext, childMetadata, type Manifest, serverSelector } from "./manifest.ts";
import { discoveryServiceName, headlessServiceName, readServiceName, writeServiceName } from "./names.ts";
import { clientPorts, type NamedPort, serverPorts } from "./tls.ts";

export function headlessService({ cluster }: ChildContext): readonly Manifest[] {
  const spec = {
    type: "ClusterIP",
    clusterIP: "None",
    publishNotReadyAddresses: true,
    selector: serverSelector(cluster),
    sessionAffinity: "None",
    internalTrafficPolicy: "Cluster",
    ports: serverPorts(cluster).map(port),
  };
  const metadata = childMetadata(cluster, headlessServiceName(cluster.metadata.name));
  return [{ apiVersion: "v1", kind: "Service", metadata, spec }];
}

export function discoveryService(context: ChildContext): readonly Manifest[] {
  const leadsAnywhere = context.cluster.spec.mode === "Cluster" && !context.isHeldBack;
  const role = leadsAnywhere ? {} : { [ROLE_LABEL]: "primary" };
  return [clientService(context, discoveryServiceName(context.cluster.metadata.name), role)];
}

export function writeService(context: ChildContext): readonly Manifest[] {
  if (context.cluster.spec.mode === "Standalone") return [];
  return [clientService(context, writeServiceName(context.cluster.metadata.name), { [ROLE_LABEL]: "primary" })];
}

/** Without replicas everything is read from the primaries. */
export function readService(context: ChildContext): readonly Manifest[] {
  const { mode, replicasPerShard } = context.cluster.spec;
  if (mode === "Standalone") return [];
  const role = { [ROLE_LABEL]: replicasPerShard > 0 ? "replica" : "primary" };
  const selector = mode === "Replication" ? { [READS_LABEL]: "yes" } : role;
  return [clientService(context, readServiceName(context.cluster.metadata.name), selector)];
}

function clientService({ cluster }: ChildContext, name: string, role: Readonly<Record<string, string>>): Manifest {
  const { annotations } = cluster.spec.networking.service;
  const metadata = childMetadata(cluster, name);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: annotations === undefined ? metadata : { ...metadata, annotations },
    spec: {
      type: "ClusterIP",
      publishNotReadyAddresses: false,
      selector: { ...serverSelector(cluster), ...role },
      sessionAffinity: "None",
      internalTrafficPolicy: "Cluster",
      ports: clientPorts(cluster).map(port),
    },
  };
}

function port([name, number]: NamedPort): Readonly<Record<string, unknown>> {
  return { name, port: number, targetPort: number, protocol: "TCP" };
}
