/** The ports that this node announces to the others: those it listens on, unless it is told to name others. */

import type { ClusterState } from "./state.ts";

export function announcedPort({ settings }: ClusterState): number {
  const announced = settings.isEncrypted ? settings.announceTlsPort : settings.announcePort;
  return announced !== 0 ? announced : settings.port;
}

/** 0 where the other port is not the one for TLS. */
export function announcedPlainPort({ settings }: ClusterState): number {
  if (!settings.isEncrypted) return 0;
  return settings.announceTlsPort !== 0 ? settings.announcePort : settings.plainPort;
}

export function announcedBusPort(state: ClusterState): number {
  return state.settings.announceBusPort !== 0 ? state.settings.announceBusPort : state.settings.busPort;
}
