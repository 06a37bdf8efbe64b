/**
 * What command functions may reach beyond their arguments and the keyspace: the services of the server. The one object of
 * this type is put together in server.ts; whoever adds a service adds its field here and there.
 */

import type { Config } from "../config/config.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { Call } from "./call.ts";
import type { ClientRegistry } from "./client.ts";
import type { CommandTable } from "./command-table.ts";

/** Runs commands that are already parsed: those of a transaction or a script. */
export interface CommandExecutor {
  /** What would refuse the command in the call, if anything. */
  objection(call: Call, command: number): string | undefined;
  /** Runs the command in the call and appends its reply. */
  runQueued(call: Call, command: number): void;
  /** Between these two, all changes are propagated as one transaction. */
  beginTransaction(): void;
  endTransaction(databaseIndex: number): void;
}

export interface ServerContext {
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly clients: ClientRegistry;
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly executor: CommandExecutor;
  readonly isClusterEnabled: boolean;
  /** `proto-max-bulk-len`: the longest string there may be. */
  readonly maxBulkBytes: number;
  /** FLUSHALL or FLUSHDB has run: a snapshot under way is of no more use. */
  flushed(): void;
}
