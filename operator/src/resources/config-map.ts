/** The ConfigMap with the servers' redis.conf. */

import { type ChildContext, childMetadata, type Manifest } from "./manifest.ts";
import { configMapName } from "./names.ts";
import { CONFIG_FILE, serverConfig } from "./server-config.ts";

export function configMap({ cluster, refusedDirectives }: ChildContext): readonly Manifest[] {
  const metadata = childMetadata(cluster, configMapName(cluster.metadata.name));
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: { [CONFIG_FILE]: serverConfig(cluster, refusedDirectives) },
    },
  ];
}
