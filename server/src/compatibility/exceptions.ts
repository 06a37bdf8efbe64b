/**
 * What the compatibility page says of commands that are not simply done. A reason for a missing command counts only as long
 * as it is missing; a note about one that is there stays until it is taken out here.
 */

/** By full name, or by container for all of its subcommands. */
export const REASONS_FOR_MISSING: Readonly<Record<string, string>> = {
  acl: "users and permissions are planned: there is the default user with `requirepass`",
  bgrewriteaof: "the append-only file is planned: snapshots only",
  eval: "scripting is planned",
  eval_ro: "scripting is planned",
  evalsha: "scripting is planned",
  evalsha_ro: "scripting is planned",
  failover: "a manual failover outside of cluster mode is planned: CLUSTER FAILOVER works",
  fcall: "scripting is planned",
  fcall_ro: "scripting is planned",
  function: "scripting is planned",
  module: "modules in C cannot be loaded, on purpose",
  script: "scripting is planned",
  waitaof: "the append-only file is planned: snapshots only",
};

/** What differs in a command that is there. */
export const PARTLY_DONE: Readonly<Record<string, string>> = {
  "client|caching": "refuses: tracking is planned",
  "client|getredir": "always -1: tracking is planned",
  "client|tracking": "takes OFF only: tracking is planned",
  "client|trackinginfo": "always off: tracking is planned",
  debug: "only the subcommands that test suites use",
  "latency|doctor": "latency events are not sampled: see SLOWLOG and /metrics",
  "latency|graph": "latency events are not sampled: see SLOWLOG and /metrics",
  "latency|histogram": "latency events are not sampled: see SLOWLOG and /metrics",
  "latency|history": "latency events are not sampled: see SLOWLOG and /metrics",
  "latency|latest": "latency events are not sampled: see SLOWLOG and /metrics",
  "latency|reset": "latency events are not sampled: see SLOWLOG and /metrics",
  migrate: "refused inside MULTI: its client waits while others are served",
  lolwut: "names the version, draws nothing",
  sort: "a sorted set keeps its encoding, which Redis changes; numbers out of range do not spoil later calls",
};
