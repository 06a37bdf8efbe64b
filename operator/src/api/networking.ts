/** spec.networking of a KVCluster: who may connect, and from where. */

import { choice, defaulted, type Infer, listOf, mapOf, object, opaque, required, text } from "./schema.ts";

const annotations = (description: string) => mapOf(text({ maxLength: 4096 }), { maxProperties: 32, description });

const peers = (who: string) =>
  listOf(opaque(), { maxItems: 16, description: `networking.k8s.io/v1 NetworkPolicyPeer: ${who}` });

const networkPolicySchema = object({
  mode: defaulted(
    choice(["Disabled", "Restricted"], {
      description: "Restricted: a NetworkPolicy limits who may connect to the servers.",
    }),
    "Disabled",
  ),
  clients: peers("who may connect as a client; all pods of the namespace when absent."),
  scrapers: peers("who may read metrics and health; anybody when absent."),
});

const externalSchema = object(
  {
    type: required(choice(["LoadBalancer", "NodePort"], { description: "Kind of the Services, one for each server." })),
    host: text({
      maxLength: 253,
      pattern: "^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$",
      description:
        "With NodePort: name or address of the nodes as clients outside know them; each server's node by its own when absent.",
    }),
    annotations: annotations("Annotations of the Services."),
    labels: mapOf(text({ maxLength: 63, pattern: "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$" }), {
      maxProperties: 32,
      description: "Further labels of the Services.",
    }),
  },
  {
    description:
      "Access from outside of Kubernetes: clients that come by it are shown addresses by which they reach every server.",
    rules: [
      {
        rule: "!has(self.host) || self.type == 'NodePort'",
        message: "spec.networking.external.host is for type NodePort: load balancers have addresses of their own",
      },
      {
        rule: "!has(self.labels) || self.labels.all(key, !key.startsWith('kvcluster.dev/') && !key.startsWith('app.kubernetes.io/'))",
        message:
          "spec.networking.external.labels: those of kvcluster.dev/ and app.kubernetes.io/ belong to the operator",
      },
    ],
  },
);

export type ExternalAccess = Infer<typeof externalSchema>;

export const networkingSchema = object({
  service: defaulted(object({ annotations: annotations("Annotations for the client Services.") }), {}),
  networkPolicy: defaulted(networkPolicySchema, {}),
  external: externalSchema,
});
