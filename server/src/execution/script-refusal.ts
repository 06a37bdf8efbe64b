/** What speaks against running a script or function now, by the flags that it declares. */

import type { Client } from "../commands/client.ts";
import { ClientFlag } from "../commands/client.ts";
import { ERRORS } from "../commands/errors.ts";
import { ScriptFlag } from "../scripting/shebang.ts";
import type { ServerState } from "./guards.ts";

export interface ScriptSurroundings {
  readonly client: Client;
  readonly state: ServerState;
  readonly isClusterEnabled: boolean;
  /** Asked for by a command that promises to write nothing. */
  readonly isReadOnly: boolean;
}

/** The error, or undefined: it may run. */
export function scriptRefusal(flags: number, surroundings: ScriptSurroundings): string | undefined {
  const { client, state, isClusterEnabled, isReadOnly } = surroundings;
  const obeys = client.has(ClientFlag.primary);
  const isStale = state.stale && !obeys;
  if ((flags & ScriptFlag.old) !== 0) return isStale ? ERRORS.primaryDown : undefined;
  if ((flags & ScriptFlag.noCluster) !== 0 && isClusterEnabled) {
    return "ERR Can not run script on cluster, 'no-cluster' flag is set.";
  }
  if (isStale && (flags & ScriptFlag.allowStale) === 0) return ERRORS.primaryDown;
  if ((flags & ScriptFlag.noWrites) !== 0) return undefined;
  if (isReadOnly) return "ERR Can not execute a script with write flag using *_ro command.";
  return obeys ? undefined : writeRefusal(flags, state);
}

function writeRefusal(flags: number, state: ServerState): string | undefined {
  if (state.readOnlyReplica) return "READONLY You can not run script with write flag on readonly replica.";
  if (state.persistenceError !== undefined) return state.persistenceError;
  if (state.tooFewReplicas) return ERRORS.notEnoughReplicas;
  if ((flags & ScriptFlag.allowOom) === 0 && state.memoryLimited && !state.makeRoom()) {
    return "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";
  }
  return undefined;
}
