/**
 * The generated password. Created once and never written again: it is the only copy, so it is no part of the list of
 * children that are applied each pass.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { childMetadata, encodeData, type Manifest } from "./manifest.ts";
import { authSecretName } from "./names.ts";

export const PASSWORD_KEY = "password";

export function authSecret(cluster: KVCluster, password: string): Manifest {
  const metadata = childMetadata(cluster, authSecretName(cluster.metadata.name));
  return { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: encodeData({ [PASSWORD_KEY]: password }) };
}
