/** Where clients outside of Kubernetes reach a server: what its Service says, and, by a node port, the node that it is on. */

import type { ExternalAccess } from "../api/networking.ts";
import { CLIENT_PORT, type Manifest } from "../resources/manifest.ts";
import type { Pod } from "./pod.ts";

export interface ExternalAddress {
  readonly host: string;
  readonly port: number;
}

interface ServiceFields {
  readonly spec?: { readonly type?: string; readonly ports?: readonly { readonly nodePort?: number }[] };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly Ingress[] } };
}

interface Ingress {
  readonly ip?: string;
  readonly hostname?: string;
}

/** Undefined until Kubernetes has given one. */
export function externalAddress(
  { type, host }: Pick<ExternalAccess, "type" | "host">,
  service: Manifest | undefined,
  pod: Pod | undefined,
): ExternalAddress | undefined {
  const { spec, status } = (service ?? {}) as ServiceFields;
  // It may have been of the other type, and its address then is not to be announced any more.
  if (spec?.type !== type) return undefined;
  if (type === "LoadBalancer") {
    const [first] = status?.loadBalancer?.ingress ?? [];
    return addressOf(first?.ip ?? first?.hostname, CLIENT_PORT);
  }
  return addressOf(host ?? pod?.status?.hostIP, spec?.ports?.[0]?.nodePort);
}

export function addressText({ host, port }: ExternalAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function addressOf(host: string | undefined, port: number | undefined): ExternalAddress | undefined {
  return host === undefined || host === "" || port === undefined || port === 0 ? undefined : { host, port };
}
