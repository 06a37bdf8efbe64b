/** The Secrets that a pass reads: the operator's own from its cache, those of others from the API server. */

import { decodeData, isOwnedBy, type Manifest } from "../resources/manifest.ts";
import { serverAuthSecretName } from "../resources/names.ts";
import type { Pass } from "./step.ts";

export function cachedSecret({ dependencies, name }: Pass, secretName: string): Manifest | undefined {
  const children = dependencies.store.children(name);
  return children.find(({ kind, metadata }) => kind === "Secret" && metadata.name === secretName);
}

/** What the servers start with, unless it is somebody else's. */
export function serverSecret(pass: Pass): Manifest | undefined {
  const secret = cachedSecret(pass, serverAuthSecretName(pass.name.name));
  return secret !== undefined && isOwnedBy(secret, pass.cluster) ? secret : undefined;
}

export function readSecret({ dependencies, name }: Pass, secretName: string): Promise<Manifest | undefined> {
  const metadata = { name: secretName, namespace: name.namespace };
  return dependencies.store.read({ apiVersion: "v1", kind: "Secret", metadata });
}

/** Each once, however many refer to it. */
export async function readSecrets(
  pass: Pass,
  names: readonly string[],
): Promise<ReadonlyMap<string, Manifest | undefined>> {
  const once = [...new Set(names)];
  return new Map(await Promise.all(once.map(async (name) => [name, await readSecret(pass, name)] as const)));
}

/** Undefined where there is none, or an empty one. */
export function passwordIn(secret: Manifest | undefined, key: string): string | undefined {
  // Secrets made from files end in a newline that nobody means.
  return decodeData(secret?.data, key)?.replace(/\r?\n$/, "") || undefined;
}
