/** Runs what the source of slots sends. Unlike a replica, which goes on, an import is given up when a command fails. */

import { type Client, type ClientConnection, ClientFlag } from "../commands/client.ts";
import type { ImportApplier } from "../slot-migration/server-slot-migrations.ts";
import { type CommandStreamParts, runStream, streamClient } from "./command-stream.ts";

export interface ImportApplierParts extends CommandStreamParts {
  readonly connection: ClientConnection;
  /** Who has signed in as the source: with no more permissions than its own. */
  readonly source: Client | undefined;
}

export function createImportApplier(parts: ImportApplierParts): ImportApplier {
  const { dispatcher, connection, source } = parts;
  const client = streamClient(connection);
  client.user = source?.user;
  client.set(ClientFlag.restricted, source?.has(ClientFlag.restricted) === true);
  let neededBytes = 0;
  return {
    apply(bytes) {
      const consumed = runStream(parts, client, bytes, (error) => {
        throw new Error(error);
      });
      neededBytes = consumed < bytes.length ? dispatcher().neededBytes : 0;
      return consumed;
    },
    get neededBytes() {
      return neededBytes;
    },
  };
}
