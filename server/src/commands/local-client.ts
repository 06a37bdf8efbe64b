/** Whether a client is on this machine: what `enable-…-command local` and `enable-protected-configs local` ask. */

import type { Client } from "./client.ts";

export function isLocalClient(client: Client): boolean {
  const { address } = client;
  return address.startsWith("127.") || address.startsWith("[::1]") || address.startsWith("/");
}
