/** How a Job speaks TLS to what a new cluster is filled from: the files that are there, and the options that name them. */

import type { ExternalSource } from "../api/kv-cluster.ts";
import { FILE_MODE } from "../resources/pod-security.ts";
import { AUTHORITY_KEY, CERTIFICATE_KEY, PRIVATE_KEY } from "../resources/tls.ts";
import { type Run, TLS_DIRECTORY } from "./job-manifest.ts";

export function sourceTls({ tls }: ExternalSource): Pick<Run, "args" | "tls"> {
  if (tls === undefined) return { args: [], tls: undefined };
  const { caSecretRef: authority, clientSecretName: client } = tls;
  const at = (key: string): string => `${TLS_DIRECTORY}/${key}`;
  const args = [
    "--tls",
    ...(authority === undefined ? [] : ["--cacert", at(AUTHORITY_KEY)]),
    ...(client === undefined ? [] : ["--cert", at(CERTIFICATE_KEY), "--key", at(PRIVATE_KEY)]),
  ];
  const sources = [
    ...(authority === undefined ? [] : [secretFiles(authority.name, { [AUTHORITY_KEY]: authority.key })]),
    ...(client === undefined ? [] : [secretFiles(client, CLIENT_FILES)]),
  ];
  return { args, tls: sources.length === 0 ? undefined : { projected: { sources, defaultMode: FILE_MODE } } };
}

const CLIENT_FILES = { [CERTIFICATE_KEY]: CERTIFICATE_KEY, [PRIVATE_KEY]: PRIVATE_KEY };

/** `files`: by name, the key that each is under. */
function secretFiles(name: string, files: Readonly<Record<string, string>>): object {
  return { secret: { name, items: Object.entries(files).map(([path, key]) => ({ key, path })) } };
}
