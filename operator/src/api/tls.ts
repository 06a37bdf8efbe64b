/** spec.tls of a KVCluster: where its certificate comes from, and who has to show one. */

import { choice, defaulted, type Infer, object, required, text, truth } from "./schema.ts";

export const tlsSchema = object(
  {
    secretName: required(
      text({
        minLength: 1,
        maxLength: 253,
        description:
          "A Secret of type kubernetes.io/tls with ca.crt besides, as cert-manager writes it. A new certificate in it is taken up without a restart.",
      }),
    ),
    authClients: defaulted(
      choice(["Disabled", "Optional", "Required"], {
        description: "Whether clients have to show a certificate of the same authority (tls-auth-clients).",
      }),
      "Disabled",
    ),
    plaintext: defaulted(
      truth({ description: "Whether servers listen without TLS besides, at port 6381, while clients are moved." }),
      false,
    ),
  },
  {
    description:
      "TLS for clients, replicas, the cluster bus and the admin port. It cannot be added or removed after creation.",
  },
);

export type TlsSpec = Infer<typeof tlsSchema>;
