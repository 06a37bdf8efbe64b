/** `timeout`: closes connections that have sent nothing for so long. Subscribers, waiting clients and links of replication stay. */

import type { Client } from "./client.ts";
import { ClientFlag } from "./client.ts";

const STAYS = ClientFlag.subscribed | ClientFlag.monitor | ClientFlag.blocked | ClientFlag.primary | ClientFlag.replica;

/** `timeoutSeconds` 0 closes none. */
export function closeIdleClients(clients: Iterable<Client>, timeoutSeconds: number, nowMs: number): void {
  if (timeoutSeconds === 0) return;
  for (const client of clients) {
    if (!client.has(STAYS) && nowMs - client.lastActiveMs > timeoutSeconds * 1000) client.connection.destroy();
  }
}
