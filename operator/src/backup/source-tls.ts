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
    ...(authority === undefined ? [] : [secretFiles(authority.name, [[authority.key, AUTHORITY_KEY]])]),
    ...(client === undefined
      ? []
      : [
          secretFiles(
            client,
            [CERTIFICATE_KEY, PRIVATE_KEY].map((key) => [key, key] as const),
          ),
        ]),
  ];
  return { args, tls: sources.length === 0 ? undefined : { projected: { sources, defaultMode: FILE_MODE } } };
}

function secretFiles(name: string, files: readonly (readonly [key: string, path: string])[]): object {
  return { secret: { name, items: files.map(([key, path]) => ({ key, path })) } };
}
