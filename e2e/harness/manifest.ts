// What tests apply and run: the examples of the repository, the code that the README prints, and small clusters.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLES = join(ROOT, "examples");

export function exampleNames(): readonly string[] {
  return readdirSync(EXAMPLES).filter((name) => name.endsWith(".yaml"));
}

export function example(name: string): string {
  return readFileSync(join(EXAMPLES, name), "utf8");
}

/** The blocks of one language in the README, as printed. */
export function readmeBlocks(language: string): readonly string[] {
  return blocksIn("README.md", language);
}

/** The same of another page. */
export function blocksIn(page: string, language: string): readonly string[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"));
  return [...blocks].map((match) => match[1] ?? "");
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
