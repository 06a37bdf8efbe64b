/** Makes the client-side caching of a server from the server's parts. */

import type { Client, ClientRegistry } from "../commands/client.ts";
import type { Config } from "../config/config.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { ClientTracking } from "../tracking/client-tracking.ts";
import { TrackedKeys } from "../tracking/tracked-keys.ts";

export interface ServerTrackingParts {
  readonly config: Config;
  readonly keyspace: Keyspace;
  readonly clients: ClientRegistry;
  /** The client whose requests are being run. */
  readonly current: () => Client | undefined;
}

export function createServerTracking({ config, keyspace, clients, current }: ServerTrackingParts): ClientTracking {
  const tracking: ClientTracking = new ClientTracking({
    keys: new TrackedKeys(keyspace.createHiddenDatabase()),
    clientWithId: (id) => clients.get(id),
    current,
    mostKeys: () => config.get("tracking-table-max-keys"),
    listen: (isOn) => {
      keyspace.modified = isOn ? (buffer, offset, length) => tracking.changed(buffer, offset, length) : undefined;
    },
    schedule: (callback) => void setImmediate(callback),
  });
  return tracking;
}
