/**
 * A command is one row of the command table and one function in the same family file. Everything that can be said about a
 * command without running it stands in its row; COMMAND, ACL categories, slot routing, propagation and the generated
 * compatibility page derive from it.
 */

import type { Call } from "./call.ts";

/** Runs to completion on the calling thread; reads its arguments from the call and appends exactly one reply (or none, where the protocol has none). */
export type CommandFunction = (call: Call) => void;

/** Redis' own flag names, as COMMAND INFO prints them. */
export type CommandFlag =
  | "write"
  | "readonly"
  | "denyoom"
  | "admin"
  | "pubsub"
  | "noscript"
  | "blocking"
  | "loading"
  | "stale"
  | "skip_monitor"
  | "skip_slowlog"
  | "asking"
  | "fast"
  | "no_auth"
  | "may_replicate"
  | "may_write"
  | "no_async_loading"
  | "no_multi"
  | "no_mandatory_keys"
  | "movablekeys"
  | "allow_busy";

export type KeyFlag =
  | "RO"
  | "RW"
  | "OW"
  | "RM"
  | "access"
  | "update"
  | "insert"
  | "delete"
  | "not_key"
  | "incomplete"
  | "variable_flags";

/** Where the keys of a command stand, in the two steps of Redis' key specifications: begin the search, then find the keys. */
export interface KeySpec {
  readonly flags: readonly KeyFlag[];
  readonly begin:
    | { readonly index: number }
    | { readonly keyword: string; readonly startFrom: number }
    | { readonly unknown: true };
  readonly find:
    | { readonly last: number; readonly step: number; readonly limit: number }
    | { readonly countAt: number; readonly first: number; readonly step: number }
    | { readonly unknown: true };
}

export interface CommandRow {
  /** Lower case; a subcommand's own name without its container's. */
  readonly name: string;
  /** Number of arguments with the name(s); negative: at least so many. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly keys?: readonly KeySpec[];
  /** Redis' group names: string, list, generic, connection, server, … */
  readonly group: string;
  /** ACL categories beyond those that follow from flags and group. */
  readonly categories?: readonly string[];
  readonly tips?: readonly string[];
  readonly since: string;
  readonly complexity: string;
  readonly summary: string;
  /** Arguments in Redis' notation, `key value [NX | XX]`. */
  readonly syntax: string;
  /** Takes O(1) though Redis does not flag it `fast`: its time is part of its batch's, the clock is not read for it alone. */
  readonly isQuick?: boolean;
  readonly run: CommandFunction;
  readonly subcommands?: readonly CommandRow[];
}

/** Keeps the names of a family as an exact union, so that a typo elsewhere is a compile error. */
export function defineCommands<const Rows extends readonly CommandRow[]>(rows: Rows): Rows {
  return rows;
}

export function oneKey(...flags: readonly KeyFlag[]): readonly KeySpec[] {
  return [{ flags, begin: { index: 1 }, find: { last: 0, step: 1, limit: 0 } }];
}

/** The single key at argument `index`. */
export function keyAt(index: number, ...flags: readonly KeyFlag[]): KeySpec {
  return { flags, begin: { index }, find: { last: 0, step: 1, limit: 0 } };
}

/** Keys from argument `first` to the end (or to `last` counted from the end, −1 being the last), every `step`th. */
export function keyRange(first: number, last: number, step: number, ...flags: readonly KeyFlag[]): readonly KeySpec[] {
  return [{ flags, begin: { index: first }, find: { last, step, limit: 0 } }];
}

/** As many keys after argument `countIndex` as that argument says. */
export function countedKeys(countIndex: number, ...flags: readonly KeyFlag[]): KeySpec {
  return { flags, begin: { index: countIndex }, find: { countAt: 0, first: 1, step: 1 } };
}
