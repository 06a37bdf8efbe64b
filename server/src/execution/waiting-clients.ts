/** All clients that wait in a command: for a key, or for replicas. */

import { keySlot } from "@kvcluster/protocol/slots";
import { type Client, ClientFlag } from "../commands/client.ts";
import type { ClientPause } from "../commands/client-pause.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { ErrorStatistics } from "../observability/counters.ts";
import type { Clock } from "../platform/clock.ts";
import { BlockedClients, type RunFor } from "./blocked-clients.ts";
import type { SlotOwnership } from "./slot-router.ts";
import { WaitingForReplicas } from "./wait-for-replicas.ts";

export interface WaitingClients {
  readonly forKeys: BlockedClients;
  readonly forReplicas: WaitingForReplicas;
  /** With `others`, who wait for something else than a key or replicas; and how many will not wait for ever. */
  counts(others: number): { readonly count: number; readonly withTimeout: number };
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
  readonly table: CommandTable;
  readonly errors: ErrorStatistics;
}

export function createWaitingClients(parts: WaitingClientsParts): WaitingClients {
  const { keyspace, clock, pause, runFor, table, errors } = parts;
  const forReplicas = new WaitingForReplicas(clock, (client) => pause.resume(client));
  const forKeys = new BlockedClients({
    ...{ keyspace, clock, runFor },
    goesOn: (client) => pause.resume(client),
    failed: (command, error) => {
      table.failedCalls[command] = (table.failedCalls[command] as number) + 1;
      errors.record(error);
    },
  });
  return {
    forKeys,
    forReplicas,
    counts: (others) => ({
      count: forKeys.count + forReplicas.count + others,
      withTimeout: forKeys.countWithTimeout + forReplicas.countWithTimeout,
    }),
    unblock: (client, withError) => forKeys.unblock(client, withError) || forReplicas.unblock(client, withError),
    forget(client) {
      forKeys.forget(client);
      forReplicas.forget(client);
    },
  };
}

/** Sends clients away whose keys are not served here any more: nobody would wake them. Called regularly, as by Redis' cron. */
export function redirectWaiting({ forKeys }: WaitingClients, cluster: SlotOwnership | undefined): void {
  if (cluster === undefined || forKeys.count === 0) return;
  forKeys.unblockAll((client, [key]) =>
    key === undefined
      ? undefined
      : cluster.redirection(keySlot(key, 0, key.length), {
          isWrite: !client.has(ClientFlag.readOnly),
          isReadOnlyClient: client.has(ClientFlag.readOnly),
          // Who waits in a slot on the move stays until the slot has moved.
          isAsking: true,
          isMigration: false,
          isOfShardChannels: false,
          isEncrypted: client.isEncrypted,
          isOutside: client.isOutside,
          countKeysHere: () => ({ present: 1, total: 1 }),
        }),
  );
}
