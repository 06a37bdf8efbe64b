/**
 * What the compatibility page says of commands that are not simply done. A reason for a missing command counts only as long
 * as it is missing; a note about one that is there stays until it is taken out here.
 */

/** By full name, or by container for all of its subcommands. */
export const REASONS_FOR_MISSING: Readonly<Record<string, string>> = {};

/** What differs in a command that is there. */
export const PARTLY_DONE: Readonly<Record<string, string>> = {
  debug: "only the subcommands that test suites use",
  "client|list":
    "without `watch`, which 7.4 has in the middle of the line: clients from before refuse a name they do not know",
  "client|info": "as CLIENT LIST",
  "module|load": "modules in C cannot be loaded, on purpose",
  "module|loadex": "modules in C cannot be loaded, on purpose",
  "module|unload": "modules in C cannot be loaded, on purpose",
  "cluster|failover": "FORCE is refused by a replica that has none of its shard's data; TAKEOVER is not",
  "cluster|slot-stats": "as Valkey 8; what subscribers of sharded channels are sent is not counted",
  group: "a command of our own: gives roles to servers with `group-lease`, which then refuse REPLICAOF",
  migrate: "refused inside MULTI: its client waits while others are served",
  eval: "where a script cannot be interrupted (inside pcall, in MULTI) it is ended past `busy-reply-threshold`, else it would hold up everybody",
  "script|debug": "refuses to turn the debugger on: there is none",
  sort: "a sorted set keeps its encoding, which Redis changes; numbers out of range do not spoil later calls",
};
