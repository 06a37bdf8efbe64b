/**
 * What a client is shown of nodes: addresses by which it reaches them in the way in which it reached this one. Who came to
 * the external port comes from outside of the network in which nodes have their addresses, and is shown those that they
 * announce for outside; a node that announces none is shown to it as to everybody.
 */

import { announcedPlainPort, announcedPort } from "./announced-ports.ts";
import type { ClusterNode } from "./cluster-node.ts";
import type { ClusterState } from "./state.ts";

/** How a client came here. */
export interface ClientView {
  /** By TLS. */
  readonly isEncrypted: boolean;
  /** By the external port. */
  readonly isOutside: boolean;
}

export interface ClientAddress {
  /** As `cluster-preferred-endpoint-type` wants it; undefined: the client shall use the host it is connected to. */
  readonly endpoint: string | undefined;
  readonly ip: string;
  readonly hostname: string;
  readonly port: number;
  /** Where the bus is encrypted: the port of those without TLS. */
  readonly plainPort: number;
}

export function clientAddress(state: ClusterState, node: ClusterNode, view: ClientView): ClientAddress {
  const external = view.isOutside ? externalOf(state, node) : undefined;
  if (external !== undefined) {
    const { host, port } = external;
    return { endpoint: host, ip: host, hostname: "", port, plainPort: 0 };
  }
  return {
    endpoint: preferredHost(state, node),
    ip: ipOf(state, node),
    hostname: hostnameOf(state, node),
    port: clientPort(state, node, view.isEncrypted),
    plainPort: node === state.myself ? announcedPlainPort(state) : node.plainPort,
  };
}

function preferredHost(state: ClusterState, node: ClusterNode): string | undefined {
  switch (state.settings.preferredEndpointType) {
    case "ip":
      return ipOf(state, node);
    case "hostname":
      return hostnameOf(state, node) || "?";
    case "unknown-endpoint":
      return undefined;
  }
}

/** The port that a client inside is to use. */
function clientPort(state: ClusterState, node: ClusterNode, isEncrypted: boolean): number {
  const isMyself = node === state.myself;
  const plainPort = isMyself ? announcedPlainPort(state) : node.plainPort;
  if (state.settings.isEncrypted && !isEncrypted && plainPort !== 0) return plainPort;
  return isMyself ? announcedPort(state) : node.port;
}

export function ipOf(state: ClusterState, node: ClusterNode): string {
  return node === state.myself && state.settings.announceIp !== "" ? state.settings.announceIp : node.ip;
}

export function hostnameOf(state: ClusterState, node: ClusterNode): string {
  return node === state.myself ? state.settings.announceHostname : node.hostname;
}

export interface ExternalAddress {
  readonly host: string;
  readonly port: number;
}

/** Where clients outside reach a node, as far as it has said so. */
export function externalOf({ myself, settings }: ClusterState, node: ClusterNode): ExternalAddress | undefined {
  const host = node === myself ? settings.announceExternalHost : node.externalHost;
  const port = node === myself ? settings.announceExternalPort : node.externalPort;
  return host === "" || port === 0 ? undefined : { host, port };
}
