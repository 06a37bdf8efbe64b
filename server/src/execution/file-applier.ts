/**
 * Runs the commands of an append-only file, as a client that no guard stops and nobody answers. Keys do not expire by the
 * clock meanwhile: the file says when they went.
 */

import { Client, type ClientConnection, ClientFlag } from "../commands/client.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Logger } from "../observability/logger.ts";
import type { Dispatcher } from "./dispatcher.ts";

export interface FileApplierParts {
  readonly dispatcher: () => Dispatcher;
  readonly keyspace: Keyspace;
  readonly connection: ClientConnection;
  readonly logger: Logger;
}

/** Takes whole commands; gives the end of the last one that left no transaction open, −1 if there was none. */
export type FileApplier = (commands: Buffer) => number;

/** One for each file: a transaction that it leaves open must not reach into the next. */
export function createFileApplier({ dispatcher, keyspace, connection, logger }: FileApplierParts): FileApplier {
  const client = new Client({ id: 0, address: "", localAddress: "", connection, createdAtMs: 0 });
  client.set(ClientFlag.primary, true);
  return (commands) => {
    const { reply } = dispatcher();
    const start = reply.position;
    const { errors } = reply;
    keyspace.ignoresExpiry = true;
    try {
      let done = 0;
      let settled = -1;
      while (done < commands.length) {
        const consumed = dispatcher().run(client, commands, done, commands.length, () => {
          reply.position = start;
        });
        if (consumed === done) throw new Error("A command of the append-only file does not come to its end");
        settled = Math.max(settled, dispatcher().settledEnd);
        done = consumed;
      }
      if (reply.errors !== errors) {
        logger.warning(`A command of the append-only file failed, the data may differ now: "${reply.lastError}"`);
      }
      return settled;
    } finally {
      keyspace.ignoresExpiry = false;
      reply.position = start;
    }
  };
}
