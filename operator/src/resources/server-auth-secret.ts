/** The password as a piece of redis.conf, mounted into the servers as a file. */

import { type ChildContext, childMetadata, encodeData, type Manifest } from "./manifest.ts";
import { serverAuthSecretName } from "./names.ts";
import { AUTH_FILE, authConfig } from "./server-config.ts";

export function serverAuthSecret({ cluster, password }: ChildContext): readonly Manifest[] {
  const metadata = childMetadata(cluster, serverAuthSecretName(cluster.metadata.name));
  const data = encodeData({ [AUTH_FILE]: authConfig(password) });
  return [{ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data }];
}
