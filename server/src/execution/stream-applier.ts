/**
 * Runs the commands that come from our primary, as a client that no guard stops and nobody answers. Keys do not expire by
 * our own clock meanwhile: the primary says when they go. What has run there should run here: an error means that the data
 * is not the same any more, and is logged.
 */

import { Client, type ClientConnection, ClientFlag } from "../commands/client.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Logger } from "../observability/logger.ts";
import type { StreamApplier } from "../replication/primary-link.ts";
import type { Dispatcher } from "./dispatcher.ts";

export interface StreamApplierParts {
  readonly dispatcher: () => Dispatcher;
  readonly keyspace: Keyspace;
  readonly connection: ClientConnection;
  readonly logger: Logger;
}

export function createStreamApplier({ dispatcher, keyspace, connection, logger }: StreamApplierParts): StreamApplier {
  let client = streamClient(connection);
  let neededBytes = 0;
  let settledBytes = 0;
  return {
    apply(bytes) {
      const { reply } = dispatcher();
      const start = reply.position;
      const { errors } = reply;
      keyspace.ignoresExpiry = true;
      try {
        const consumed = dispatcher().run(client, bytes, 0, bytes.length, NOTHING_TO_FLUSH);
        if (client.has(ClientFlag.closeAfterReply)) throw new Error("what it sent is no stream of commands");
        if (reply.errors !== errors) {
          logger.warning(
            `A command of the primary failed here, this replica may differ from it now: "${reply.lastError}"`,
          );
        }
        settledBytes = Math.max(0, dispatcher().settledEnd);
        neededBytes = consumed < bytes.length ? dispatcher().neededBytes : 0;
        return consumed;
      } finally {
        keyspace.ignoresExpiry = false;
        reply.position = start;
      }
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

const NOTHING_TO_FLUSH = (): void => undefined;

/** A client that no guard stops and nobody answers. */
export function streamClient(connection: ClientConnection): Client {
  const client = new Client({ id: 0, address: "", localAddress: "", connection, createdAtMs: 0 });
  client.set(ClientFlag.primary, true);
  return client;
}
