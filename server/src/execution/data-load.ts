/** What a load of the server's data needs of the server, at its start and for DEBUG LOADAOF. */

import type { ClientConnection } from "../commands/client.ts";
import type { ServerContext } from "../commands/context.ts";
import { type DataLoadParts, loadAgain } from "../persistence/aof/server-append-only.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { createFileApplier } from "./file-applier.ts";
import { Target } from "./propagation.ts";

export interface LoadingServer {
  readonly context: ServerContext;
  readonly dispatcher: Dispatcher;
}

export function dataLoadParts({ context, dispatcher }: LoadingServer, connection: ClientConnection): DataLoadParts {
  const { config, clock, logger, persistence, appendOnly, keyspace, table } = context;
  return {
    ...{ config, clock, logger, persistence, appendOnly },
    knows: (bytes, offset, length) => table.lookup(bytes, offset, length) > 0,
    createApplier: () => createFileApplier({ keyspace, logger, connection, dispatcher: () => dispatcher }),
  };
}

/** Replaces the data by what the append-only file holds. Nobody is told: it is the same for those who follow. */
export async function reloadAppendOnly(server: LoadingServer, connection: ClientConnection): Promise<void> {
  const { executor } = server.context;
  executor.propagateTo(Target.none);
  try {
    await loadAgain(dataLoadParts(server, connection));
  } finally {
    executor.propagateTo(Target.all);
  }
}
