/** What the guards ask of the server, put together from its parts. */

import type { ServerContext } from "../commands/context.ts";
import { ERRORS } from "../commands/errors.ts";
import type { ServerState } from "./guards.ts";

export function createServerState(context: ServerContext, readiness: { readonly isLoaded: boolean }): ServerState {
  const { keyspace, persistence, appendOnly, replication, config, accessControl, pause } = context;
  return {
    get requiresAuthentication() {
      return accessControl.requiresAuthentication;
    },
    get loading() {
      return !readiness.isLoaded || persistence.isLoading;
    },
    get loadingBeside() {
      return persistence.isLoadingBeside;
    },
    get readOnly() {
      return replication.isReadOnly;
    },
    get stale() {
      return replication.isStale;
    },
    get persistenceError() {
      if (replication.isReplica) return undefined;
      const { writeProblem } = appendOnly;
      if (writeProblem !== undefined) return `MISCONF Errors writing to the AOF file: ${writeProblem}`;
      return persistence.refusesWrites ? ERRORS.cannotPersist : undefined;
    },
    get holdsWrites() {
      return pause.holdsWrites || persistence.isBehind || context.slotMigrations?.holdsWrites === true;
    },
    get busyError() {
      return context.scriptsUnderWay.busyError;
    },
    get tooFewReplicas() {
      return replication.hasTooFewReplicas;
    },
    get memoryLimited() {
      return config.get("maxmemory") > 0 && !(replication.isReplica && config.get("replica-ignore-maxmemory"));
    },
    makeRoom: () => keyspace.eviction.freeMemoryIfNeeded() !== "failed",
  };
}

/** Nothing is to change just now, not even by expiry or eviction. */
export function isPaused({ pause, slotMigrations }: ServerContext): boolean {
  return pause.isPaused || slotMigrations?.holdsWrites === true;
}
