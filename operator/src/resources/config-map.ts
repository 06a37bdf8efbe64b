/**
 * The ConfigMap with the servers' redis.conf. Beside the file it is the memory of what servers have said of it: values that they
 * refused, so that these stay out of the file while nobody answers, and directives that have left the spec but that a server
 * which did not answer may still run with.
 */

import { fingerprint } from "./fingerprint.ts";
import { type ChildContext, type ConfigMemory, childMetadata, type Manifest } from "./manifest.ts";
import { configMapName } from "./names.ts";
import { CONFIG_FILE, serverConfig } from "./server-config.ts";

export const NOTHING_REMEMBERED: ConfigMemory = { refused: new Map(), left: [] };

const REFUSED_ANNOTATION = "kvcluster.dev/refused-directives";
const LEFT_ANNOTATION = "kvcluster.dev/left-directives";
/** Name, fingerprint of the value, the servers' words. */
const REFUSED_LINE = /^([^ ]+) ([^ ]+) (.*)$/;
const FILE_LINE = /^([a-z][^ ]*) (.*)$/;

export function configMap({ cluster, configMemory, opensExternalPort }: ChildContext): readonly Manifest[] {
  const metadata = childMetadata(cluster, configMapName(cluster.metadata.name));
  const annotations = annotationsOf(configMemory);
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations },
      data: { [CONFIG_FILE]: serverConfig(cluster, opensExternalPort) },
    },
  ];
}

/** What servers refused is known again by this when the spec still says it. */
export function refusedValue(value: string): string {
  return fingerprint(value);
}

export function configMemoryOf(map: Manifest | undefined): ConfigMemory {
  const annotations = map?.metadata.annotations ?? {};
  const refused = (annotations[REFUSED_ANNOTATION] ?? "").split("\n").flatMap((line) => {
    const [, name, value, words] = REFUSED_LINE.exec(line) ?? [];
    return name === undefined || value === undefined || words === undefined ? [] : [[name, { value, words }] as const];
  });
  return { refused: new Map(refused), left: (annotations[LEFT_ANNOTATION] ?? "").split(" ").filter(Boolean) };
}

/** The values in the file, by the directives' own names. */
export function fileDirectives(map: Manifest | undefined): ReadonlyMap<string, string> {
  const lines = (map?.data?.[CONFIG_FILE] ?? "").split("\n");
  return new Map(
    lines.flatMap((line): readonly (readonly [string, string])[] => {
      const [, name, value = ""] = FILE_LINE.exec(line) ?? [];
      return name === undefined || name === "include" ? [] : [[name, value === '""' ? "" : value]];
    }),
  );
}

function annotationsOf({ refused, left }: ConfigMemory): Readonly<Record<string, string>> {
  const lines = [...refused].map(([name, { value, words }]) => `${name} ${value} ${words}`).sort();
  return {
    ...(lines.length === 0 ? {} : { [REFUSED_ANNOTATION]: lines.join("\n") }),
    ...(left.length === 0 ? {} : { [LEFT_ANNOTATION]: [...left].sort().join(" ") }),
  };
}
