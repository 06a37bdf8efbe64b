/**
 * The guards every command passes before it runs, named and in Redis' order: this list is the truth for readers and tests.
 * The dispatcher does not loop over it for ordinary requests: `denyMask` folds the states that can refuse anything into the
 * command bits they refuse, and only a command with such a bit, or of a client in a special state, is taken through the list.
 */

import type { Call } from "../commands/call.ts";
import { ClientFlag } from "../commands/client.ts";
import { CommandBit } from "../commands/command-table.ts";
import { ERRORS } from "../commands/errors.ts";
import { protectedRefusal } from "../commands/protected-commands.ts";

/** What the guards ask of the server; wired in server.ts. */
export interface ServerState {
  readonly loading: boolean;
  /** Data is being loaded that will take the place of the data that is served. */
  readonly loadingBeside: boolean;
  /** Connections that have not signed in may do nothing; otherwise they are the default user's. */
  readonly requiresAuthentication: boolean;
  /** A replica that refuses writes of ordinary clients, or a primary that may have a successor. */
  readonly readOnly: boolean;
  /** A replica without its primary, told not to serve stale data. */
  readonly stale: boolean;
  /** Why the data cannot be kept on disk, as the error that writes get; undefined if it can. */
  readonly persistenceError: string | undefined;
  readonly tooFewReplicas: boolean;
  /** What changes data waits: CLIENT PAUSE WRITE, or changes that outrun the disk during a save. */
  readonly holdsWrites: boolean;
  readonly memoryLimited: boolean;
  /** What others are told while a script or function runs for too long; undefined: none does. */
  readonly busyError: string | undefined;
  /** Evicts until there is room; false if memory stays above the limit. */
  makeRoom(): boolean;
}

export interface Guard {
  readonly name: string;
  /** Command bits this guard may refuse while `applies`; 0: it looks at the client only. */
  readonly denies: number;
  applies(state: ServerState): boolean;
  /** The error, or undefined to let the command pass. */
  check(state: ServerState, request: GuardedRequest): string | undefined;
}

export interface GuardedRequest {
  readonly call: Call;
  readonly bits: number;
  readonly fullName: string;
  /** The redirection of a request whose keys are not served here, in cluster mode. */
  routingError(): string | undefined;
  /** What the client's user may not do of it. */
  permissionError(): string | undefined;
}

const always = (): boolean => true;
const ofPrimary = ({ call }: GuardedRequest): boolean => call.client.has(ClientFlag.primary);

export const GUARDS: readonly Guard[] = [
  {
    // For transactions, which do not take it up; for the others, those few commands ask themselves.
    name: "protected command",
    denies: 0,
    applies: always,
    check: (_state, { call, fullName }) => protectedRefusal(call, fullName),
  },
  {
    name: "authentication",
    denies: 0,
    applies: always,
    check: ({ requiresAuthentication }, { call, bits }) =>
      requiresAuthentication && call.client.has(ClientFlag.unauthenticated) && (bits & CommandBit.noAuth) === 0
        ? ERRORS.noAuthentication
        : undefined,
  },
  {
    name: "permissions",
    denies: 0,
    applies: always,
    check: (_state, request) => request.permissionError(),
  },
  {
    // Before the states of this node: a replica redirects a write, it does not call itself read-only.
    name: "slot routing",
    denies: 0,
    applies: always,
    check: (_state, request) => request.routingError(),
  },
  {
    name: "memory limit",
    denies: CommandBit.denyoom,
    applies: (state) => state.memoryLimited,
    check: (state, request) => (ofPrimary(request) || state.makeRoom() ? undefined : ERRORS.outOfMemory),
  },
  {
    // Queued commands take memory too, whatever they do later.
    name: "memory limit in a transaction",
    denies: 0,
    applies: (state) => state.memoryLimited,
    check: (state, request) =>
      request.call.client.has(ClientFlag.multi) && !LEAVES_TRANSACTION.has(request.fullName) && !state.makeRoom()
        ? ERRORS.outOfMemory
        : undefined,
  },
  {
    name: "persistence failure",
    denies: CommandBit.write,
    applies: (state) => state.persistenceError !== undefined,
    check: (state, request) => (ofPrimary(request) ? undefined : state.persistenceError),
  },
  {
    name: "enough replicas",
    denies: CommandBit.write,
    applies: (state) => state.tooFewReplicas,
    check: (_state, request) => (ofPrimary(request) ? undefined : ERRORS.notEnoughReplicas),
  },
  {
    name: "read-only replica",
    denies: CommandBit.write,
    applies: (state) => state.readOnly,
    check: (_state, request) => (ofPrimary(request) ? undefined : ERRORS.readOnlyReplica),
  },
  {
    name: "subscribed client",
    denies: 0,
    applies: always,
    check: (_state, { call, fullName }) =>
      call.client.has(ClientFlag.subscribed) && call.client.protocol === 2 && !SUBSCRIBER_COMMANDS.has(fullName)
        ? `ERR Can't execute '${fullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`
        : undefined,
  },
  {
    name: "stale replica",
    denies: CommandBit.notWhileStale,
    applies: (state) => state.stale,
    check: (_state, request) => (ofPrimary(request) ? undefined : ERRORS.primaryDown),
  },
  {
    name: "loading",
    denies: CommandBit.notWhileLoading,
    applies: (state) => state.loading,
    check: (_state, request) => (ofPrimary(request) ? undefined : ERRORS.loading),
  },
  {
    name: "loading beside served data",
    denies: CommandBit.notWhileLoadingBeside,
    applies: (state) => state.loadingBeside,
    check: (_state, request) => (ofPrimary(request) ? undefined : ERRORS.loading),
  },
  {
    name: "busy script",
    denies: CommandBit.notWhileBusy,
    applies: (state) => state.busyError !== undefined,
    check: (state) => state.busyError,
  },
  {
    // Such clients are not held by pauses.
    name: "replicas and monitors",
    denies: 0,
    applies: always,
    check: (_state, { call, bits }) =>
      call.client.has(ClientFlag.replica | ClientFlag.monitor) && (bits & KEYSPACE) !== 0
        ? "ERR Replica can't interact with the keyspace"
        : undefined,
  },
];

const KEYSPACE = CommandBit.write | CommandBit.readonly | CommandBit.mayReplicate | CommandBit.mayWrite;

const LEAVES_TRANSACTION: ReadonlySet<string> = new Set(["exec", "discard", "quit", "reset"]);

const SUBSCRIBER_COMMANDS: ReadonlySet<string> = new Set([
  "subscribe",
  "ssubscribe",
  "psubscribe",
  "unsubscribe",
  "sunsubscribe",
  "punsubscribe",
  "ping",
  "quit",
  "reset",
]);

/** Those that refuse kinds of commands; the others look at the client, which the dispatcher asks by its flags. */
const DENYING_GUARDS = GUARDS.filter((guard) => guard.denies !== 0);

/** What may change data, and so waits while writes are held back. */
export const MAY_CHANGE = CommandBit.write | CommandBit.mayReplicate | CommandBit.mayWrite;

/** The command bits that some guard may refuse in this state. Asked for every turn. */
export function denyMask(state: ServerState): number {
  let mask = state.holdsWrites ? MAY_CHANGE : 0;
  for (const guard of DENYING_GUARDS) if (guard.applies(state)) mask |= guard.denies;
  return mask;
}

/** The first guard's objection, in order. */
export function refusal(state: ServerState, request: GuardedRequest): string | undefined {
  for (const guard of GUARDS) {
    if (guard.denies !== 0 && (guard.denies & request.bits) === 0) continue;
    if (!guard.applies(state)) continue;
    const error = guard.check(state, request);
    if (error !== undefined) return error;
  }
  return undefined;
}
