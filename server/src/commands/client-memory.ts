/**
 * What a client takes of memory, about: what it has sent and not been served for, what it has not read, its transaction, the
 * keys it watches, its subscriptions. Costs nothing that grows with them.
 */

import type { Watches } from "../keyspace/watches.ts";
import type { Client } from "./client.ts";

/** A connection that does nothing: the objects of its socket, its session. */
const IDLE_BYTES = 4096;
const SUBSCRIPTION_BYTES = 200;
/** Beside the bytes of its arguments. */
export const QUEUED_COMMAND_BYTES = 200;

export function clientBytes(client: Client, watches: Watches): number {
  const { connection, queuedBytes } = client;
  const subscriptions =
    client.subscriptionCount + (client.shardChannels?.size ?? 0) + (client.tracking?.prefixes.length ?? 0);
  const waiting = connection.queryBytes + connection.outputBytes;
  return IDLE_BYTES + waiting + queuedBytes + subscriptions * SUBSCRIPTION_BYTES + watches.bytesOf(client);
}
