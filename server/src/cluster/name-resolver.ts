/** Names to addresses through the system's resolver, off the main thread. */

import { lookup } from "node:dns/promises";

export async function resolveHostname(hostname: string): Promise<string | undefined> {
  try {
    return (await lookup(hostname)).address;
  } catch {
    return undefined;
  }
}
