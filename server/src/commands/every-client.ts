/**
 * Who is listed by CLIENT LIST and may be killed: all who have connected, and on a replica the link to its primary, which is no
 * client of ours but is shown as one by Redis.
 */

import type { Call } from "./call.ts";
import { Client, ClientFlag } from "./client.ts";
import { NO_CONNECTION } from "./nobody.ts";

export function everyClient(call: Call): Client[] {
  const link = linkAsClient(call);
  const clients = [...call.server.clients.all()].filter(({ connection }) => !connection.isClosed);
  return link === undefined ? clients : [...clients, link].sort((a, b) => a.id - b.id);
}

function linkAsClient({ server }: Call): Client | undefined {
  const { link } = server.replication;
  const connection = link?.connection;
  if (link === undefined || connection === undefined) return undefined;
  const client = new Client({
    id: server.clients.idOf(connection),
    address: `${connection.remoteAddress}:${connection.remotePort}`,
    localAddress: `${connection.localAddress}:${connection.localPort}`,
    // Nothing but its end can be asked for.
    connection: { ...NO_CONNECTION, destroy: () => link.restart("it was killed by a client") },
    createdAtMs: link.upSinceMs,
  });
  client.lastActiveMs = link.lastDataMs;
  client.set(ClientFlag.primary, true);
  return client;
}
