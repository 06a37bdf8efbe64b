/** What speaks against running a script or function now, by the flags that it declares. */

import type { Call } from "../commands/call.ts";
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
  const mayWrite = (flags & ScriptFlag.noWrites) === 0;
  const refusal = mayWrite && !obeys ? writeRefusal(flags, state) : undefined;
  if (refusal !== undefined) return refusal;
  if (isStale && (flags & ScriptFlag.allowStale) === 0) return ERRORS.primaryDown;
  if ((flags & ScriptFlag.noCluster) !== 0 && isClusterEnabled) {
    return "ERR Can not run script on cluster, 'no-cluster' flag is set.";
  }
  return mayWrite && isReadOnly ? "ERR Can not execute a script with write flag using *_ro command." : undefined;
}

/** A script that does not promise to write nothing is refused as a command that writes would be. */
function writeRefusal(flags: number, state: ServerState): string | undefined {
  if ((flags & ScriptFlag.allowOom) === 0 && state.memoryLimited && !state.makeRoom()) return ERRORS.outOfMemory;
  if (state.persistenceError !== undefined) return state.persistenceError;
  if (state.tooFewReplicas) return ERRORS.notEnoughReplicas;
  return state.readOnly ? ERRORS.readOnlyReplica : undefined;
}

/** Of scripts and functions, which may write unless they say otherwise. */
export function promisesNoWrites(call: Call, name: string): boolean {
  return ((flagsOf(call, name) ?? 0) & ScriptFlag.noWrites) !== 0;
}

/** Whether the program says what it does, and does not say that it writes nothing: the request counts as a write then. */
export function declaresWrites(call: Call, name: string): boolean {
  const flags = flagsOf(call, name);
  return flags !== undefined && (flags & (ScriptFlag.noWrites | ScriptFlag.old)) === 0;
}

function flagsOf(call: Call, name: string): number | undefined {
  const { functions, scripting } = call.server;
  return name.startsWith("fcall") ? functions.flagsOf(call) : scripting.flagsOf(call, name.startsWith("evalsha"));
}
