/** One of our servers and a redis-server side by side, for the differential tests of a file. */

import { type OwnServer, startOwnServer } from "./own-server.ts";
import { type ReferenceServer, startReferenceServer } from "./reference-server.ts";

export interface ServerPair {
  readonly ports: { readonly ours: number; readonly reference: number };
  readonly ours: OwnServer;
  readonly reference: ReferenceServer;
  stop(): Promise<void>;
}

/** `directives` go to both. DEBUG is allowed on both: tests turn active expiry off with it. */
export async function startServerPair(...directives: readonly string[]): Promise<ServerPair> {
  const words = ["--enable-debug-command", "yes", ...directives];
  const [ours, reference] = await Promise.all([startOwnServer(...words), startReferenceServer(...words)]);
  return {
    ports: { ours: ours.port, reference: reference.port },
    ours,
    reference,
    stop: async () => {
      await Promise.all([ours.stop(), reference.stop()]);
    },
  };
}
