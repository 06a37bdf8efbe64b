/** What the CLUSTER subcommands share: the way to the cluster, arguments that are slots, and replies of admin changes. */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterState } from "../cluster/state.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import type { CommandFlag, CommandRow } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

const BAD_SLOT = "ERR Invalid or out of range slot";

export const READ_FLAGS: readonly CommandFlag[] = ["stale"];
/** What tells of nodes and slots, and not of data: a replica that loads its data is asked for it as well, as in Valkey 8. */
export const VIEW_FLAGS: readonly CommandFlag[] = ["loading", "stale"];
export const ADMIN_READ_FLAGS: readonly CommandFlag[] = ["admin", "stale"];
export const ADMIN_FLAGS: readonly CommandFlag[] = ["admin", "stale", "no_async_loading"];

export function clusterOf(call: Call): Cluster {
  const { cluster } = call.server;
  if (cluster === undefined) throw new CommandError(ERRORS.clusterDisabled);
  return cluster;
}

/** Outside of cluster mode every subcommand, even HELP, says so before it looks at its arguments. */
export function inClusterOnly(rows: readonly CommandRow[]): readonly CommandRow[] {
  return rows.map((row) => ({
    ...row,
    run(call: Call) {
      clusterOf(call);
      row.run(call);
    },
  }));
}

/** Makes the change and answers OK, or its error. */
export function changeCluster(call: Call, make: (state: ClusterState) => string | undefined): void {
  const error = clusterOf(call).change(make);
  if (error === undefined) call.reply.ok();
  else call.reply.error(error);
}

export function slotArgument(call: Call, index: number): number {
  const slot = integerArgument(call, index, BAD_SLOT);
  if (slot < 0 || slot >= SLOT_COUNT) throw new CommandError(BAD_SLOT);
  return slot;
}
