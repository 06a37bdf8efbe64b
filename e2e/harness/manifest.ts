// What tests apply: the examples of the repository, and small clusters. (What pages print: pages/page.ts.)
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
  readonly mode?: "Standalone" | "Replication" | "Cluster";
  readonly shards?: number;
  readonly replicasPerShard?: number;
}

/** A cluster whose volumes go with its namespace; `more` of its spec, in the place of what is here. */
export function clusterManifest(
  name: string,
  { mode = "Cluster", shards = 3, replicasPerShard = 1 }: Shape = {},
  more: object = {},
): string {
  const storage = { size: "256Mi", reclaimPolicy: "Delete" };
  return JSON.stringify({
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVCluster",
    metadata: { name },
    spec: { mode, shards, replicasPerShard, storage, ...more },
  });
}
