/** A KVCluster as the API server would hand it out, defaults filled in, for tests. */

import { type KVCluster, type KVClusterSpec, kvClusterSpecSchema } from "../api/kv-cluster.ts";
import { withDefaults } from "../api/schema.ts";
import { NOTHING_REMEMBERED } from "./config-map.ts";
import { NO_USERS } from "./declared-users.ts";
import type { ChildContext } from "./manifest.ts";

export function exampleCluster(spec: Readonly<Record<string, unknown>> = {}, name = "shop"): KVCluster {
  const complete: KVClusterSpec = withDefaults(kvClusterSpecSchema, spec);
  return {
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVCluster",
    metadata: { name, namespace: "apps", uid: `uid-${name}`, generation: 1, resourceVersion: "1" },
    spec: complete,
  };
}

export function exampleContext(spec: Readonly<Record<string, unknown>> = {}, name = "shop"): ChildContext {
  const cluster = exampleCluster(spec, name);
  return {
    cluster,
    defaultImage: "registry.example/kv-server:1.0.0",
    clusterDomain: "cluster.local",
    password: "s3cret",
    authority: spec.tls === undefined ? undefined : "-----authority-----",
    oldPassword: undefined,
    users: NO_USERS,
    configMemory: NOTHING_REMEMBERED,
    servers: [],
    opensExternalPort: false,
    isHeldBack: false,
  };
}
