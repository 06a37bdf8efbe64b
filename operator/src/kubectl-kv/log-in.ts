/**
 * Opens servers of a cluster as an application does: with what the connection Secret holds. The password stays in this
 * process: it is in no argument, no variable and no output.
 */

import { RespError } from "@kvcluster/protocol/resp-decoder";
import type { KVCluster } from "../api/kv-cluster.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { decodeData, type Manifest } from "../resources/manifest.ts";
import { connectionSecretName } from "../resources/names.ts";
import { AUTHORITY_KEY, CERTIFICATE_KEY, PRIVATE_KEY } from "../resources/tls.ts";
import type { Context } from "./context.ts";
import { PluginError } from "./plugin-error.ts";
import type { TlsSecrets } from "./secure-socket.ts";
import type { ServerLink } from "./server-link.ts";

export type OpenServer = (pod: string) => Promise<ServerLink>;

/** Reads the Secret once, for all servers. */
export async function serverOpener(context: Context, cluster: KVCluster): Promise<OpenServer> {
  const { client, namespace, openServer } = context;
  const name = cluster.status?.secretName ?? connectionSecretName(cluster.metadata.name);
  const secret = await client.get<Manifest>(RESOURCE_KINDS.Secret, { namespace, name });
  const password = decodeData(secret?.data, "password");
  const user = decodeData(secret?.data, "username") ?? "default";
  if (password === undefined) throw new PluginError(`Secret "${name}" of the cluster's password is not there yet`);
  const secrets = await tlsSecrets(context, cluster, secret);
  return async (pod) => {
    const link = await openServer({ namespace, name: pod }, secrets);
    const answer = await link.command("AUTH", user, password);
    if (!(answer instanceof RespError)) return link;
    link.close();
    throw new PluginError(`${pod} refused the password of Secret "${name}": ${answer.message}`);
  };
}

/** Where servers ask clients for a certificate, the cluster's own is shown: there is no other that the plugin knows of. */
async function tlsSecrets(
  { client, namespace }: Context,
  { spec }: KVCluster,
  connection: Manifest | undefined,
): Promise<TlsSecrets | undefined> {
  if (spec.tls === undefined) return undefined;
  const authority = decodeData(connection?.data, AUTHORITY_KEY);
  if (authority === undefined) throw new PluginError("The authority of the cluster's certificates is not known yet");
  if (spec.tls.authClients !== "Required") return { authority, own: undefined };
  const name = spec.tls.secretName;
  const secret = await client.get<Manifest>(RESOURCE_KINDS.Secret, { namespace, name });
  const [certificate, key] = [CERTIFICATE_KEY, PRIVATE_KEY].map((one) => decodeData(secret?.data, one));
  if (certificate === undefined || key === undefined) throw new PluginError(`Secret "${name}" holds no certificate`);
  return { authority, own: { certificate, key } };
}
