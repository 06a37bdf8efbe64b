/**
 * nodes.conf of each server of a group, as they will be one shard of a cluster: one owns all slots, the others follow it. The
 * servers write it down before they start as nodes, and come back by it like any cluster that restarts. The addresses are those of
 * now; nodes resolve the names that stand beside them.
 */

import type { ReachablePod } from "./cluster-view.ts";
import { ALL_SLOTS } from "./group-view.ts";
import { formatRanges } from "./slot-range.ts";

/** Above that of a node that has just been made, which must not win slots from it. */
const FIRST_EPOCH = 1;

export function nodesFile(servers: readonly ReachablePod[], primary: ReachablePod, myself: ReachablePod): string {
  const lines = servers.map((server) => lineOf(server, primary, server === myself));
  return `${[...lines, `vars currentEpoch ${FIRST_EPOCH} lastVoteEpoch 0`].join("\n")}\n`;
}

/** The run of a server is its id: as long, and nobody else's. */
function lineOf(server: ReachablePod, primary: ReachablePod, isMyself: boolean): string {
  const { ip, port, busPort, hostname } = server.address;
  const isPrimary = server === primary;
  const role = isPrimary ? "master" : "slave";
  return [
    server.node.id,
    `${ip}:${port}@${busPort}${hostname === undefined ? "" : `,${hostname}`}`,
    isMyself ? `myself,${role}` : role,
    isPrimary ? "-" : primary.node.id,
    ...[0, 0, FIRST_EPOCH, "connected"],
    ...(isPrimary ? [formatRanges(ALL_SLOTS)] : []),
  ].join(" ");
}
