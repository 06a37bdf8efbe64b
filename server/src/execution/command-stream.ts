/**
 * Runs commands that come as a stream (from a primary, the source of slots, an append-only file), as a client that no guard
 * stops and nobody answers. No key expires by our own clock meanwhile: the stream says when they go.
 */

import { Client, type ClientConnection, ClientFlag } from "../commands/client.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Dispatcher } from "./dispatcher.ts";

export interface CommandStreamParts {
  readonly dispatcher: () => Dispatcher;
  readonly keyspace: Keyspace;
}

export function streamClient(connection: ClientConnection): Client {
  const client = new Client({ id: 0, address: "", localAddress: "", connection, createdAtMs: 0 });
  client.set(ClientFlag.primary, true);
  return client;
}

/** Runs what `work` has run, without replies; `failed` hears of the last error, if a command gave one. */
export function runSilently<Result>(
  { dispatcher, keyspace }: CommandStreamParts,
  work: (dispatcher: Dispatcher) => Result,
  failed: (error: string) => void,
): Result {
  const { reply } = dispatcher();
  const start = reply.position;
  const { errors } = reply;
  keyspace.ignoresExpiry = true;
  try {
    const result = work(dispatcher());
    if (reply.errors !== errors) failed(reply.lastError);
    return result;
  } finally {
    keyspace.ignoresExpiry = false;
    reply.position = start;
  }
}

/** Runs the whole commands in `bytes`; gives how many bytes those were. Throws if they are no commands. */
export function runStream(
  parts: CommandStreamParts,
  client: Client,
  bytes: Buffer,
  failed: (error: string) => void,
): number {
  return runSilently(
    parts,
    (dispatcher) => {
      const consumed = dispatcher.run(client, bytes, 0, bytes.length, NOTHING_TO_FLUSH);
      if (client.has(ClientFlag.closeAfterReply)) throw new Error("what it sent is no stream of commands");
      return consumed;
    },
    failed,
  );
}

const NOTHING_TO_FLUSH = (): void => undefined;
