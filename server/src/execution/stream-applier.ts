/**
 * Runs the commands that come from our primary. What has run there should run here: an error means that the data is not the
 * same any more, and is logged.
 */

import type { ClientConnection } from "../commands/client.ts";
import type { Logger } from "../observability/logger.ts";
import type { StreamApplier } from "../replication/primary-link.ts";
import { type CommandStreamParts, runStream, streamClient } from "./command-stream.ts";

export interface StreamApplierParts extends CommandStreamParts {
  readonly connection: ClientConnection;
  readonly logger: Logger;
}

export function createStreamApplier(parts: StreamApplierParts): StreamApplier {
  const { dispatcher, keyspace, connection, logger } = parts;
  let client = streamClient(connection);
  let neededBytes = 0;
  let settledBytes = 0;
  const failed = (error: string): void => {
    logger.warning(`A command of the primary failed here, this replica may differ from it now: "${error}"`);
  };
  return {
    apply(bytes) {
      const consumed = runStream(parts, client, bytes, failed);
      settledBytes = Math.max(0, dispatcher().settledEnd);
      neededBytes = consumed < bytes.length ? dispatcher().neededBytes : 0;
      return consumed;
    },
    get settledBytes() {
      return settledBytes;
    },
    get neededBytes() {
      return neededBytes;
    },
    get databaseIndex() {
      return client.databaseIndex;
    },
    set databaseIndex(index) {
      client.databaseIndex = index;
    },
    reset() {
      const { databaseIndex } = client;
      keyspace.watches.unwatchAll(client);
      client = streamClient(connection);
      client.databaseIndex = databaseIndex;
      neededBytes = 0;
    },
  };
}
