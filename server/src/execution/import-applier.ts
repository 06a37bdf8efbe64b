/**
 * Runs what the source of slots sends: no guard stops it, nobody is answered, and no key expires by the clock of this node.
 * Unlike a replica, which goes on, an import is given up when a command fails.
 */

import { type Client, type ClientConnection, ClientFlag } from "../commands/client.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { ImportApplier } from "../slot-migration/server-slot-migrations.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { streamClient } from "./stream-applier.ts";

export interface ImportApplierParts {
  readonly dispatcher: () => Dispatcher;
  readonly keyspace: Keyspace;
  readonly connection: ClientConnection;
  /** Who has signed in as the source: with no more permissions than its own. */
  readonly source: Client | undefined;
}

export function createImportApplier({ dispatcher, keyspace, connection, source }: ImportApplierParts): ImportApplier {
  const client = streamClient(connection);
  client.user = source?.user;
  client.set(ClientFlag.restricted, source?.has(ClientFlag.restricted) === true);
  let neededBytes = 0;
  return {
    apply(bytes) {
      const { reply } = dispatcher();
      const start = reply.position;
      const { errors } = reply;
      keyspace.ignoresExpiry = true;
      try {
        const consumed = dispatcher().run(client, bytes, 0, bytes.length, () => undefined);
        if (client.has(ClientFlag.closeAfterReply)) throw new Error("what it sent is no stream of commands");
        if (reply.errors !== errors) throw new Error(reply.lastError);
        neededBytes = consumed < bytes.length ? dispatcher().neededBytes : 0;
        return consumed;
      } finally {
        keyspace.ignoresExpiry = false;
        reply.position = start;
      }
    },
    get neededBytes() {
      return neededBytes;
    },
  };
}
