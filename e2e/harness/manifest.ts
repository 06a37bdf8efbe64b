// The manifests that tests apply: examples from the repository, and small clusters.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const EXAMPLES = join(import.meta.dirname, "../../examples");

export function exampleNames(): readonly string[] {
  return readdirSync(EXAMPLES).filter((name) => name.endsWith(".yaml"));
}

export function example(name: string): string {
  return readFileSync(join(EXAMPLES, name), "utf8");
}

export interface Shape {
  readonly shards?: number;
  readonly replicasPerShard?: number;
}

/** A cluster whose volumes go with its namespace. */
export function clusterManifest(name: string, { shards = 3, replicasPerShard = 1 }: Shape = {}): string {
  const storage = { size: "256Mi", reclaimPolicy: "Delete" };
  return JSON.stringify({
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVCluster",
    metadata: { name },
    spec: { shards, replicasPerShard, storage },
  });
}
