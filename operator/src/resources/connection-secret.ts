/** What an application needs to connect, in one Secret that it can mount or take into its environment. */

import { type ChildContext, CLIENT_PORT, childMetadata, encodeData, type Manifest } from "./manifest.ts";
import { connectionSecretName, discoveryServiceName, serviceHost } from "./names.ts";
import { AUTHORITY_KEY } from "./tls.ts";

export function connectionSecret({ cluster, clusterDomain, password, authority }: ChildContext): readonly Manifest[] {
  const { name } = cluster.metadata;
  const host = serviceHost(cluster, discoveryServiceName(name), clusterDomain);
  const fields = {
    host,
    port: String(CLIENT_PORT),
    username: "default",
    password,
    uri: `${cluster.spec.tls === undefined ? "redis" : "rediss"}://default:${encodeURIComponent(password)}@${host}:${CLIENT_PORT}`,
    ...(authority === undefined ? {} : { [AUTHORITY_KEY]: authority }),
  };
  const metadata = childMetadata(cluster, connectionSecretName(name));
  return [{ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: encodeData(fields) }];
}
