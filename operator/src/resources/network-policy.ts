/**
 * Who may connect to the servers of a cluster, where the spec asks for a limit; off by default, since a policy that nobody
 * thought of cuts applications of other namespaces off. Servers and backup Jobs of the cluster and the operator always get
 * through; nothing else reaches the cluster bus. Where spec.networking.external asks for it anybody reaches the port for outside.
 * What servers connect to is not limited: replicas of elsewhere, DNS, imports.
 */

import { CLUSTER_LABEL, NAME_LABEL } from "../api/labels.ts";
import {
  ADMIN_PORT,
  BUS_PORT,
  type ChildContext,
  childMetadata,
  EXTERNAL_PORT,
  type Manifest,
  serverSelector,
} from "./manifest.ts";
import { networkPolicyName } from "./names.ts";
import { clientPorts } from "./tls.ts";

type Peer = Readonly<Record<string, unknown>>;

/** The operator's pods carry it wherever they are (charts/kvcluster). */
const OPERATOR: Peer = { namespaceSelector: {}, podSelector: { matchLabels: { [NAME_LABEL]: "kvcluster-operator" } } };
const NAMESPACE: Peer = { podSelector: {} };

export function networkPolicies({ cluster }: ChildContext): readonly Manifest[] {
  // Absent where the resource definitions are older than the operator.
  const { networkPolicy, external } = cluster.spec.networking;
  if (networkPolicy?.mode !== "Restricted") return [];
  const { name } = cluster.metadata;
  const servers: Peer = { podSelector: { matchLabels: serverSelector(cluster) } };
  const ofCluster: Peer = { podSelector: { matchLabels: { [CLUSTER_LABEL]: name } } };
  const clients = (networkPolicy.clients ?? [NAMESPACE]) as readonly Peer[];
  const scrapers = networkPolicy.scrapers as readonly Peer[] | undefined;
  const spec = {
    podSelector: { matchLabels: serverSelector(cluster) },
    policyTypes: ["Ingress"],
    ingress: [
      ...clientPorts(cluster).map(([, port]) => rule(port, [ofCluster, OPERATOR, ...clients])),
      rule(BUS_PORT, [servers]),
      // Nodes and load balancers put their own address in the place of the client's: it cannot be told apart here.
      ...(external === undefined ? [] : [rule(EXTERNAL_PORT, undefined)]),
      // Probes come from the pod's own node, which every implementation lets through.
      rule(ADMIN_PORT, scrapers === undefined ? undefined : [OPERATOR, ...scrapers]),
    ],
  };
  const metadata = childMetadata(cluster, networkPolicyName(name));
  return [{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec }];
}

/** Anybody where `from` is absent; an empty list would mean the same, so it is never given. */
function rule(port: number, from: readonly Peer[] | undefined): Readonly<Record<string, unknown>> {
  return { ports: [{ port, protocol: "TCP" }], ...(from === undefined ? {} : { from }) };
}
