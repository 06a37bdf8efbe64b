/** All clients that wait in a command: for a key, or for replicas. */

import type { Client } from "../commands/client.ts";
import type { ClientPause } from "../commands/client-pause.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Clock } from "../platform/clock.ts";
import { BlockedClients, type RunFor } from "./blocked-clients.ts";
import { WaitingForReplicas } from "./wait-for-replicas.ts";

export interface WaitingClients {
  readonly forKeys: BlockedClients;
  readonly forReplicas: WaitingForReplicas;
  readonly count: number;
  /** CLIENT UNBLOCK: false if the client does not wait. */
  unblock(client: Client, withError: boolean): boolean;
  /** The client has gone. */
  forget(client: Client): void;
}

export interface WaitingClientsParts {
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly pause: ClientPause;
  readonly runFor: RunFor;
  readonly countAcknowledged: (offset: number) => number;
}

export function createWaitingClients(parts: WaitingClientsParts): WaitingClients {
  const { keyspace, clock, pause, runFor } = parts;
  const forReplicas = new WaitingForReplicas(clock, parts.countAcknowledged);
  const forKeys = new BlockedClients({
    ...{ keyspace, clock, runFor },
    goesOn: (client) => {
      client.connection.resume();
      pause.admit(client);
    },
  });
  return {
    forKeys,
    forReplicas,
    get count() {
      return forKeys.count + forReplicas.count;
    },
    unblock: (client, withError) => forKeys.unblock(client, withError) || forReplicas.release(client),
    forget(client) {
      forKeys.forget(client);
      forReplicas.forget(client);
    },
  };
}
