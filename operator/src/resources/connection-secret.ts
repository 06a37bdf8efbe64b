/** What an application needs to connect, in one Secret that it can mount or take into its environment. */

import { type ChildContext, CLIENT_PORT, childMetadata, encodeData, type Manifest } from "./manifest.ts";
import { connectionSecretName, discoveryServiceName, serviceHost } from "./names.ts";

export function connectionSecret({ cluster, clusterDomain, password }: ChildContext): readonly Manifest[] {
  const { name } = cluster.metadata;
  const host = serviceHost(cluster, discoveryServiceName(name), clusterDomain);
  const fields = {
    host,
    port: String(CLIENT_PORT),
    username: "default",
    password,
    uri: `redis://default:${encodeURIComponent(password)}@${host}:${CLIENT_PORT}`,
  };
  const metadata = childMetadata(cluster, connectionSecretName(name));
  return [{ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: encodeData(fields) }];
}
