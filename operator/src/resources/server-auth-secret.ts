/**
 * The password that the servers run with: as a piece of redis.conf, mounted into them as a file, and plain, for whoever
 * talks to them on the operator's behalf. It is the memory of which password is in use, whatever its source says later.
 */

import { PASSWORD_KEY } from "./auth-secret.ts";
import { type ChildContext, childMetadata, encodeData, type Manifest } from "./manifest.ts";
import { serverAuthSecretName } from "./names.ts";
import { AUTH_FILE, authConfig } from "./server-config.ts";

export function serverAuthSecret({ cluster, password }: ChildContext): readonly Manifest[] {
  const metadata = childMetadata(cluster, serverAuthSecretName(cluster.metadata.name));
  const data = encodeData({ [AUTH_FILE]: authConfig(password), [PASSWORD_KEY]: password });
  return [{ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data }];
}
