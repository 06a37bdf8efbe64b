/** manifest.json of a backup: written last, so a directory that has one holds a complete backup. */

export const MANIFEST_NAME = "manifest.json";
const FORMAT = "kvcluster-backup";
const VERSION = 1;

export interface ManifestShard {
  readonly index: number;
  readonly file: string;
  readonly sizeBytes: number;
  readonly keys: number;
  readonly sha256: string;
  readonly source: string;
  readonly slots?: string;
}

export interface Manifest {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly name: string;
  readonly cluster: string;
  readonly startedAt: string;
  readonly completedAt: string;
  readonly keys: number;
  readonly sizeBytes: number;
  readonly verified: boolean;
  readonly shards: readonly ManifestShard[];
}

export function createManifest(
  about: Pick<Manifest, "name" | "cluster" | "startedAt" | "completedAt" | "verified" | "shards">,
): Manifest {
  const sum = (field: "keys" | "sizeBytes"): number => about.shards.reduce((total, shard) => total + shard[field], 0);
  return { format: FORMAT, version: VERSION, ...about, keys: sum("keys"), sizeBytes: sum("sizeBytes") };
}

export function isOurManifest(text: string): boolean {
  try {
    return (JSON.parse(text) as Partial<Manifest> | null)?.format === FORMAT;
  } catch {
    return false;
  }
}
