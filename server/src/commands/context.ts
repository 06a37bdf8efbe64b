/**
 * What command functions may reach beyond their arguments and the keyspace: the services of the server. The one object of
 * this type is put together in server.ts; whoever adds a service adds its field here and there.
 */

import type { AccessControl } from "../access-control/access-control.ts";
import type { AclFile } from "../access-control/acl-file.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Config } from "../config/config.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { FactSources, FunctionFacts, ScriptFacts } from "../observability/facts.ts";
import type { LatencyMonitor } from "../observability/latency-monitor.ts";
import type { Logger } from "../observability/logger.ts";
import type { SlowLog } from "../observability/slow-log.ts";
import type { AppendOnly } from "../persistence/aof/append-only.ts";
import type { Persistence } from "../persistence/persistence.ts";
import type { ValuePayloads } from "../persistence/value-payload.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { MessageRelay, PublishSubscribe } from "../pubsub/publish-subscribe.ts";
import type { Replication } from "../replication/replication.ts";
import type { Library } from "../scripting/function-libraries.ts";
import type { ServerSlotMigrations } from "../slot-migration/server-slot-migrations.ts";
import type { ClientTracking } from "../tracking/client-tracking.ts";
import type { Collections } from "../values/collections.ts";
import type { Call } from "./call.ts";
import type { Client, ClientRegistry } from "./client.ts";
import type { ClientPause } from "./client-pause.ts";
import type { CommandTable } from "./command-table.ts";
import type { StreamArguments } from "./stream-arguments.ts";

/** Runs commands that are already parsed: those of a transaction or a script. */
export interface CommandExecutor {
  /** The cluster slot of the keys of the command in the call; negative if it has none, or outside of cluster mode. */
  slotOf(call: Call, command: number): number;
  /** Whether there can be an objection to such a command at all: cheap. */
  mayObject(command: number): boolean;
  /** What would refuse the command in the call, if anything. */
  objection(call: Call, command: number): string | undefined;
  /** Runs the command in the call and appends its reply. */
  runQueued(call: Call, command: number): void;
  /** Between these two, all changes are propagated as one transaction. */
  beginTransaction(): void;
  endTransaction(client: Client): void;
  /** Who hears of changes from now on: the bits of `redis.set_repl`. */
  propagateTo(targets: number): void;
}

/**
 * How a command waits for a key. A command that finds nothing under its keys calls `block` in place of a reply and returns;
 * it runs again from the start when one of the keys may have something for it, and must then find it or block again. So
 * it must have changed nothing, and must read its arguments anew, before it blocks. Where nobody may wait (in a transaction)
 * `block` gives the reply for nothing.
 *
 * Keys become ready when they appear; a value in which something is waited for (a stream) tells by `db.changes.ready`.
 */
export interface Blocking {
  block(call: Call, request: BlockRequest): void;
}

export interface BlockRequest {
  /** Copies, in the order of the arguments. */
  readonly keys: readonly Buffer[];
  /** The `ValueType` that is waited for: keys of other types do not wake the client. */
  readonly type: number;
  /** 0: for ever. */
  readonly timeoutMs: number;
  /** The command's null where it must not wait. */
  readonly emptyReply: "bulk" | "array";
  /** The command is also run again when a key goes or gets another type: to answer with an error. */
  readonly wakesOnLoss?: boolean;
}

/** Programs that clients send: EVAL and its kin. The interpreter is started by the first of them. */
export interface Scripting {
  /** Runs the script that argument 1 is, or whose digest it is, and gives its reply. */
  evaluate(call: Call, request: { readonly isCached: boolean; readonly isReadOnly: boolean }): void;
  /** Keeps a script without running it; gives its digest. Throws what is wrong with it. */
  load(source: Buffer): string;
  /** Ends the script that holds everybody up; throws why that cannot be. */
  kill(): void;
  has(digest: string): boolean;
  /** The flags (ScriptFlag) of the script of EVAL or EVALSHA; undefined if there is none, or something is wrong with it. */
  flagsOf(call: Call, isCached: boolean): number | undefined;
  flush(): void;
  facts(): ScriptFacts;
}

/** What is to become of libraries that are there when others are restored. */
export type RestorePolicy = "flush" | "append" | "replace";

/** Programs that the server keeps: libraries of functions. They belong to the data, and go where it goes. */
export interface Functions {
  /** Runs the function that argument 1 names, and gives its reply. */
  call(call: Call, isReadOnly: boolean): void;
  /** The flags (ScriptFlag) of the function that argument 1 names; undefined if there is none. */
  flagsOf(call: Call): number | undefined;
  /** Takes a library and gives its name. Throws what is wrong with it. `mustLoad`: however long it takes. */
  load(source: Buffer, options: { readonly isReplacing: boolean; readonly mustLoad: boolean }): string;
  /** Takes libraries, all or none. Throws what is wrong with them. */
  restore(sources: readonly Buffer[], policy: RestorePolicy): void;
  /** False: there is no such library. */
  delete(name: string): boolean;
  flush(): void;
  /** Ends the function that holds everybody up; throws why that cannot be. */
  kill(): void;
  all(): Iterable<Library>;
  facts(): FunctionFacts;
}

/** What a script or function that was put aside is called, and how it was asked for. */
export interface RunningScript {
  readonly name: string;
  readonly words: readonly Buffer[];
  readonly elapsedMs: number;
  readonly isFunction: boolean;
}

/** The script or function that holds everybody up, if there is one. */
export interface ScriptsUnderWay {
  /** What others are told; undefined: there is none. */
  readonly busyError: string | undefined;
  readonly running: RunningScript | undefined;
  /** Ends it, as by an error of its own. */
  abandon(): void;
}

/** A shutdown that waits for replicas. */
export interface ShutdownWait {
  /** When it stops waiting, milliseconds since 1970; undefined if none waits. */
  untilMs: number | undefined;
}

export interface ServerContext {
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly clients: ClientRegistry;
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly executor: CommandExecutor;
  readonly accessControl: AccessControl;
  /** Undefined unless `aclfile` names one. */
  readonly aclFile: AclFile | undefined;
  readonly collections: Collections;
  readonly streamArguments: StreamArguments;
  readonly pubsub: PublishSubscribe;
  readonly tracking: ClientTracking;
  /** The other nodes of the cluster that published messages go to; undefined outside of cluster mode. */
  readonly relay: MessageRelay | undefined;
  readonly monitors: MonitorRegistry;
  readonly slowLog: SlowLog;
  readonly latencyMonitor: LatencyMonitor;
  readonly facts: FactSources;
  readonly logger: Logger;
  readonly persistence: Persistence;
  readonly appendOnly: AppendOnly;
  readonly migrations: Migrations;
  /** Values as bytes, for DUMP and RESTORE. */
  readonly payloads: ValuePayloads;
  readonly replication: Replication;
  readonly blocking: Blocking;
  readonly scripting: Scripting;
  readonly functions: Functions;
  readonly scriptsUnderWay: ScriptsUnderWay;
  readonly waiters: AcknowledgementWaiters;
  readonly debugSwitches: DebugSwitches;
  readonly shutdownWait: ShutdownWait;
  readonly listening: Listening;
  /** Replaces the data by what the append-only file holds; rejects if that cannot be loaded whole. */
  reloadAppendOnly(): Promise<void>;
  readonly isClusterEnabled: boolean;
  /** Undefined outside of cluster mode. */
  readonly cluster: Cluster | undefined;
  readonly slotMigrations: ServerSlotMigrations | undefined;
  /** `proto-max-bulk-len`: the longest string there may be. */
  readonly maxBulkBytes: number;
  /** FLUSHALL or FLUSHDB has run: a snapshot under way is of no more use. */
  flushed(): void;
  /** CLIENT PAUSE and UNPAUSE. */
  readonly pause: ClientPause;
  /** Ends the waiting of a client in a blocking command; false if it does not wait. */
  unblock(client: Client, withError: boolean): boolean;
  /** SHUTDOWN: the error text, or undefined once the server goes down (its client then waits). */
  shutdown(request: ShutdownRequest): string | undefined;
  /** MEMORY PURGE: starts compaction at once. */
  purgeMemory(): void;
  /** CONFIG RESETSTAT. */
  resetStatistics(): void;
  /** CONFIG REWRITE: the error text, or undefined. `isComplete`: with the directives that have their defaults. */
  rewriteConfig(isComplete: boolean): string | undefined;
  /** GROUP NODES: what is wrong with the text, or undefined once it is on the disk. */
  prepareNodes(text: string): string | undefined;
}

/** What tests turn off by DEBUG. */
export interface DebugSwitches {
  isActiveExpiryOn: boolean;
  isUpkeepPaused: boolean;
  /** RESTORE takes payloads with any checksum. */
  skipsChecksums: boolean;
  /** Scripts may call what they may not otherwise. */
  allowsInScripts: boolean;
}

/** Where clients are listened for, once they are. */
export interface Listening {
  ports?: {
    /** Whether the directives name other places than are open. */
    readonly isOutdated: boolean;
    /** Goes where the directives say; gives the one that cannot be followed, and why: then nothing has changed. */
    change(): Promise<{ readonly directive: string; readonly reason: string } | undefined>;
  };
}

export interface ShutdownRequest {
  /** Undefined: saves if there are save points. */
  readonly save: boolean | undefined;
  /** Goes down even if saving fails. */
  readonly isForced: boolean;
  /** Does not wait for replicas that are behind. */
  readonly isNow: boolean;
  /** SHUTDOWN ABORT: stays up after all. */
  readonly isAborted: boolean;
  /** Called with the error text when the server has tried and stays up. */
  readonly failed: (error: string) => void;
}

/** Clients that wait in MIGRATE. */
export interface Migrations {
  /** Whether a MIGRATE has this key on its way: it is served here until that is done, even if it does not exist. */
  isMoving(database: Database, key: Buffer): boolean;
  start(client: Client, request: MigrationRequest): void;
}

export interface MigrationRequest {
  readonly host: string;
  readonly port: number;
  readonly targetDatabase: number;
  readonly database: Database;
  readonly keys: readonly Buffer[];
  readonly timeoutMs: number;
  /** The keys stay here too. */
  readonly isCopy: boolean;
  readonly isReplace: boolean;
  readonly user: Buffer | undefined;
  readonly password: Buffer | undefined;
}

/** What a client in WAIT or WAITAOF waits for. */
export interface AwaitedCopies {
  isEnough(): boolean;
  /** The reply, with what there is by now. */
  answer(): Buffer;
}

/** Clients blocked in WAIT and WAITAOF. */
export interface AcknowledgementWaiters {
  wait(client: Client, copies: AwaitedCopies, timeoutMs: number): void;
}

export interface MonitorRegistry {
  add(client: Client): void;
  remove(client: Client): void;
  /** Shows a script or function that is about to run. */
  announce(call: Call): void;
}
