/**
 * Every directive of redis.conf that the server knows, one row each: name, default, range, other name, and whether it
 * can change at run time. Names, defaults and limits are those of Redis 7.0, a few are of 7.2 and 7.4; `admin-port`,
 * `admin-bind` and `socket-batching` are ours. Rows with `effect: "none"` are accepted, stored and shown, and change nothing here.
 *
 * `port 0` differs from Redis on purpose: it listens on a free port and logs it.
 */

import { LONG_MAX } from "@kvcluster/protocol/directive-form";
import {
  addresses,
  directory,
  eventClasses,
  flags,
  numbers,
  parseOomScores,
  parsePercentiles,
  primaryAddress,
} from "./composite-directives.ts";
import type { Directive, DirectiveOptions } from "./directive.ts";
import { bool, choice, INT_MAX, integer, memory, memoryOrPercent, octal, text } from "./directive.ts";
import { outputBufferLimits } from "./output-buffer-limits.ts";
import { savePoints } from "./save-points.ts";

const STORED: DirectiveOptions = { effect: "none" };
const FIXED: DirectiveOptions = { isImmutable: true };
/** Tools set whatever `CONFIG GET *` shows, and know which of Redis' own directives they may not. */
const OWN_AND_FIXED: DirectiveOptions = { ...FIXED, isHidden: true };
const HIDDEN: DirectiveOptions = { isHidden: true };
const HIDDEN_STORED: DirectiveOptions = { isHidden: true, effect: "none" };
const FIXED_STORED: DirectiveOptions = { isImmutable: true, effect: "none" };
const PORTS = [0, 65535] as const;
const COUNT = [0, INT_MAX] as const;
const BIG_COUNT = [0, LONG_MAX] as const;
const SIGNED = [-(2 ** 31), INT_MAX] as const;
const MIB = 1024 * 1024;

function checkHostname(name: string): string | undefined {
  if (name.length > 255) return "Hostnames must be less than 256 characters";
  return /^[A-Za-z0-9.-]*$/.test(name)
    ? undefined
    : "Hostnames may only contain alphanumeric characters, hyphens or dots";
}

/** A name or an address, also of IPv6. */
function checkExternalHost(name: string): string | undefined {
  if (name.length > 255) return "Hostnames must be less than 256 characters";
  return /^[A-Za-z0-9.:-]*$/.test(name) ? undefined : "External hosts are host names or addresses";
}

function checkNodeName(name: string): string | undefined {
  if (name.length > 255) return "Node names must be less than 256 characters";
  return /^[\x21-\x7e]*$/.test(name) && !/[#$&=]/.test(name)
    ? undefined
    : "Announced human node name contained invalid character";
}

function plainName(directive: string, noun: string): (value: string) => string | undefined {
  return (value) => (value.includes("/") ? `${directive} can't be a path, just a ${noun}` : undefined);
}

/** Every variable in braces must be known, and without a title there must be something left. */
function checkTitle(template: string): string | undefined {
  const variables = /^([^{}]|\{(title|listen-addr|server-mode|port|tls-port|unixsocket|config-file)\})*$/;
  const isSaid = variables.test(template) && template.replaceAll("{title}", "").trim() !== "";
  return isSaid ? undefined : "template format is invalid or contains unknown variables";
}

const SHUTDOWN_WORDS = ["save", "nosave", "now", "force"] as const;

function checkShutdown(words: readonly string[]): string | undefined {
  const isBoth = words.includes("save") && words.includes("nosave");
  return isBoth ? "shutdown options SAVE and NOSAVE can't be used simultaneously" : undefined;
}

const NETWORK = [
  integer("port", 6379, PORTS),
  addresses("bind", ["*", "-::*"]),
  text("bind-source-addr", ""),
  text("unixsocket", "", FIXED),
  octal("unixsocketperm", 0, [0, 0o777], FIXED),
  integer("tcp-backlog", 511, COUNT, FIXED),
  integer("tcp-keepalive", 300, COUNT),
  integer("timeout", 0, COUNT),
  bool("protected-mode", true),
  integer("maxclients", 10000, [1, 2 ** 32 - 1]),
  integer("max-new-connections-per-cycle", 10, [1, 1000], STORED),
  integer("max-new-tls-connections-per-cycle", 1, [1, 1000], STORED),
  integer("socket-mark-id", 0, [0, 2 ** 32 - 1], FIXED_STORED),
  integer("io-threads", 1, [1, 128], FIXED_STORED),
  bool("io-threads-do-reads", false, FIXED_STORED),
  memory("proto-max-bulk-len", 512 * MIB, [MIB, LONG_MAX]),
  memory("client-query-buffer-limit", 1024 * MIB, [MIB, LONG_MAX]),
  outputBufferLimits("client-output-buffer-limit", {
    normal: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
    replica: { hardBytes: 256 * MIB, softBytes: 64 * MIB, softSeconds: 60 },
    pubsub: { hardBytes: 32 * MIB, softBytes: 8 * MIB, softSeconds: 60 },
  }),
  integer("admin-port", 9121, PORTS, OWN_AND_FIXED),
  addresses("admin-bind", ["*"], OWN_AND_FIXED),
  bool("admin-tls", false, OWN_AND_FIXED),
  bool("socket-batching", true, OWN_AND_FIXED),
] as const;

const TLS = [
  integer("tls-port", 0, PORTS),
  bool("tls-cluster", false),
  bool("tls-replication", false),
  choice("tls-auth-clients", ["no", "yes", "optional"], "yes"),
  text("tls-cert-file", ""),
  text("tls-key-file", ""),
  text("tls-key-file-pass", ""),
  text("tls-client-cert-file", ""),
  text("tls-client-key-file", ""),
  text("tls-client-key-file-pass", ""),
  text("tls-dh-params-file", "", STORED),
  text("tls-ca-cert-file", ""),
  text("tls-ca-cert-dir", ""),
  text("tls-protocols", ""),
  text("tls-ciphers", ""),
  text("tls-ciphersuites", ""),
  bool("tls-prefer-server-ciphers", false),
  bool("tls-session-caching", true, STORED),
  integer("tls-session-cache-size", 20480, COUNT, STORED),
  integer("tls-session-cache-timeout", 300, COUNT, STORED),
] as const;

const PROCESS = [
  bool("daemonize", false, FIXED),
  text("pidfile", "", FIXED),
  text("logfile", "", FIXED),
  choice("loglevel", ["debug", "verbose", "notice", "warning"], "notice"),
  bool("syslog-enabled", false, FIXED_STORED),
  text("syslog-ident", "redis", FIXED_STORED),
  choice(
    "syslog-facility",
    ["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"],
    "local0",
    FIXED_STORED,
  ),
  choice("supervised", ["upstart", "systemd", "auto", "no"], "no", FIXED_STORED),
  bool("always-show-logo", false, FIXED),
  bool("set-proc-title", true, FIXED_STORED),
  text("proc-title-template", "{title} {listen-addr} {server-mode}", { effect: "none", check: checkTitle }),
  bool("crash-log-enabled", true, STORED),
  bool("crash-memcheck-enabled", true, STORED),
  bool("disable-thp", true, FIXED_STORED),
  bool("jemalloc-bg-thread", true, STORED),
  choice("oom-score-adj", ["no", "yes", "relative", "absolute"], "no", { sameAs: { relative: "yes" } }),
  integer("watchdog-period", 0, COUNT, HIDDEN_STORED),
  bool("use-exit-on-panic", false, HIDDEN_STORED),
  numbers("oom-score-adj-values", [0, 200, 800], parseOomScores),
  text("server_cpulist", "", FIXED_STORED),
  text("bio_cpulist", "", FIXED_STORED),
  text("aof_rewrite_cpulist", "", FIXED_STORED),
  text("bgsave_cpulist", "", FIXED_STORED),
  text("ignore-warnings", "", STORED),
  text("locale-collate", "", STORED),
  bool("hide-user-data-from-log", false, STORED),
  integer("hz", 10, COUNT, { effect: "none", clampedTo: [1, 500] }),
  bool("dynamic-hz", true, STORED),
  choice("enable-protected-configs", ["no", "yes", "local"], "no", FIXED),
  choice("enable-debug-command", ["no", "yes", "local"], "no", FIXED),
  choice("enable-module-command", ["no", "yes", "local"], "no", FIXED),
  flags("shutdown-on-sigint", "default", SHUTDOWN_WORDS, { check: checkShutdown }),
  flags("shutdown-on-sigterm", "default", SHUTDOWN_WORDS, { check: checkShutdown }),
  integer("shutdown-timeout", 10, COUNT),
] as const;

const ACCESS = [
  text("requirepass", ""),
  text("aclfile", "", FIXED),
  integer("acllog-max-len", 128, BIG_COUNT),
  choice("acl-pubsub-default", ["allchannels", "resetchannels"], "resetchannels"),
] as const;

const MEMORY = [
  memory("maxmemory", 0),
  choice(
    "maxmemory-policy",
    [
      "volatile-lru",
      "volatile-lfu",
      "volatile-random",
      "volatile-ttl",
      "allkeys-lru",
      "allkeys-lfu",
      "allkeys-random",
      "noeviction",
    ],
    "noeviction",
  ),
  integer("maxmemory-samples", 5, [1, INT_MAX]),
  integer("maxmemory-eviction-tenacity", 10, [0, 100]),
  memoryOrPercent("maxmemory-clients", 0),
  integer("lfu-log-factor", 10, COUNT),
  integer("lfu-decay-time", 1, COUNT),
  integer("active-expire-effort", 1, [1, 10]),
  bool("activerehashing", true, STORED),
  bool("activedefrag", false),
  memory("active-defrag-ignore-bytes", 100 * MIB, [1, LONG_MAX]),
  integer("active-defrag-threshold-lower", 10, [0, 1000]),
  integer("active-defrag-threshold-upper", 100, [0, 1000]),
  integer("active-defrag-cycle-min", 1, [1, 99]),
  integer("active-defrag-cycle-max", 25, [1, 99]),
  integer("active-defrag-max-scan-fields", 1000, [1, LONG_MAX], STORED),
  // Large values are freed in slices whatever these say: what "yes" promises always holds.
  bool("lazyfree-lazy-eviction", false),
  bool("lazyfree-lazy-expire", false),
  bool("lazyfree-lazy-server-del", false),
  bool("lazyfree-lazy-user-del", false),
  bool("lazyfree-lazy-user-flush", false),
] as const;

const VALUES = [
  integer("databases", 16, [1, INT_MAX], FIXED),
  integer("hash-max-listpack-entries", 512, BIG_COUNT, { alias: "hash-max-ziplist-entries" }),
  memory("hash-max-listpack-value", 64, BIG_COUNT, { alias: "hash-max-ziplist-value" }),
  integer("list-max-listpack-size", -2, [-(2 ** 31), INT_MAX], { alias: "list-max-ziplist-size" }),
  integer("list-compress-depth", 0, COUNT, STORED),
  integer("set-max-intset-entries", 512, BIG_COUNT),
  integer("set-max-listpack-entries", 128, BIG_COUNT),
  memory("set-max-listpack-value", 64, BIG_COUNT),
  integer("zset-max-listpack-entries", 128, BIG_COUNT, { alias: "zset-max-ziplist-entries" }),
  memory("zset-max-listpack-value", 64, BIG_COUNT, { alias: "zset-max-ziplist-value" }),
  memory("hll-sparse-max-bytes", 3000, BIG_COUNT),
  memory("stream-node-max-bytes", 4096, BIG_COUNT),
  integer("stream-node-max-entries", 100, BIG_COUNT),
  eventClasses("notify-keyspace-events"),
  integer("tracking-table-max-keys", 1_000_000, BIG_COUNT),
  integer("busy-reply-threshold", 5000, BIG_COUNT, { alias: "lua-time-limit" }),
  // Payloads and files are checked in full whatever it says: what "yes" promises always holds.
  choice("sanitize-dump-payload", ["no", "yes", "clients"], "no"),
  choice("propagation-error-behavior", ["ignore", "panic", "panic-on-replicas"], "ignore", STORED),
] as const;

const PERSISTENCE = [
  directory("dir", ".", { isProtected: true, isKeptWhileLoading: true }),
  text("dbfilename", "dump.rdb", { isProtected: true, check: plainName("dbfilename", "filename") }),
  savePoints("save", [
    { seconds: 3600, changes: 1 },
    { seconds: 300, changes: 100 },
    { seconds: 60, changes: 10000 },
  ]),
  bool("stop-writes-on-bgsave-error", true),
  // So long for each key, microseconds: what would be over in no time can be watched.
  integer("rdb-key-save-delay", 0, SIGNED, HIDDEN),
  integer("key-load-delay", 0, SIGNED, HIDDEN),
  memory("loading-process-events-interval-bytes", 2 * MIB, [1024, INT_MAX], HIDDEN_STORED),
  bool("rdbcompression", true),
  bool("rdbchecksum", true, FIXED),
  bool("rdb-del-sync-files", false, STORED),
  bool("rdb-save-incremental-fsync", true, STORED),
  bool("appendonly", false, { isKeptWhileLoading: true }),
  text("appendfilename", "appendonly.aof", {
    isImmutable: true,
    check: plainName("appendfilename", "filename"),
  }),
  text("appenddirname", "appendonlydir", {
    isImmutable: true,
    check: plainName("appenddirname", "dirname"),
  }),
  choice("appendfsync", ["everysec", "always", "no"], "everysec"),
  bool("no-appendfsync-on-rewrite", false),
  integer("auto-aof-rewrite-percentage", 100, COUNT),
  memory("auto-aof-rewrite-min-size", 64 * MIB, BIG_COUNT),
  bool("aof-load-truncated", true),
  bool("aof-use-rdb-preamble", true),
  bool("aof-rewrite-incremental-fsync", true, STORED),
  bool("aof-timestamp-enabled", false),
  bool("aof-disable-auto-gc", false, STORED),
] as const;

const REPLICATION = [
  primaryAddress("replicaof", { alias: "slaveof", isImmutable: true }),
  text("masterauth", ""),
  text("masteruser", ""),
  bool("replica-serve-stale-data", true, { alias: "slave-serve-stale-data" }),
  bool("replica-read-only", true, { alias: "slave-read-only" }),
  bool("replica-ignore-maxmemory", true, { alias: "slave-ignore-maxmemory" }),
  bool("replica-lazy-flush", false, { alias: "slave-lazy-flush" }),
  bool("replica-ignore-disk-write-errors", false, STORED),
  integer("replica-priority", 100, COUNT, { alias: "slave-priority" }),
  bool("replica-announced", true),
  text("replica-announce-ip", "", { alias: "slave-announce-ip" }),
  integer("replica-announce-port", 0, PORTS, { alias: "slave-announce-port" }),
  integer("repl-ping-replica-period", 10, [1, INT_MAX], { alias: "repl-ping-slave-period" }),
  integer("repl-timeout", 60, [1, INT_MAX]),
  // Redis sets no upper limit and ends when the memory is not there; more than this no backlog can be.
  memory("repl-backlog-size", MIB, [1, 8192 * MIB], { atLeast: 16 << 10 }),
  integer("repl-backlog-ttl", 3600, BIG_COUNT),
  bool("repl-disable-tcp-nodelay", false, STORED),
  bool("repl-diskless-sync", true),
  integer("repl-diskless-sync-delay", 5, COUNT),
  integer("repl-diskless-sync-max-replicas", 0, COUNT),
  bool("replica-refuse-empty-primary", false),
  choice("repl-diskless-load", ["disabled", "on-empty-db", "swapdb"], "disabled", { isKeptWhileLoading: true }),
  integer("min-replicas-to-write", 0, COUNT, { alias: "min-slaves-to-write" }),
  integer("min-replicas-max-lag", 10, COUNT, { alias: "min-slaves-max-lag" }),
  integer("group-lease", 0, [0, 3600], OWN_AND_FIXED),
] as const;

const CLUSTER = [
  bool("cluster-enabled", false, FIXED),
  text("cluster-config-file", "nodes.conf", FIXED),
  integer("cluster-port", 0, PORTS, FIXED),
  integer("cluster-node-timeout", 15000, BIG_COUNT),
  bool("cluster-require-full-coverage", true),
  bool("cluster-allow-reads-when-down", false),
  bool("cluster-allow-pubsubshard-when-down", true),
  bool("cluster-allow-replica-migration", true),
  integer("cluster-migration-barrier", 1, COUNT),
  integer("cluster-replica-validity-factor", 10, COUNT, { alias: "cluster-slave-validity-factor" }),
  bool("cluster-replica-no-failover", false, { alias: "cluster-slave-no-failover" }),
  text("cluster-announce-ip", ""),
  text("cluster-announce-hostname", "", { check: checkHostname }),
  text("cluster-announce-human-nodename", "", { check: checkNodeName }),
  integer("cluster-announce-port", 0, PORTS),
  integer("cluster-announce-bus-port", 0, PORTS),
  integer("cluster-announce-tls-port", 0, PORTS),
  integer("cluster-external-port", 0, PORTS),
  text("cluster-announce-external-host", "", { check: checkExternalHost }),
  integer("cluster-announce-external-port", 0, PORTS),
  choice("cluster-preferred-endpoint-type", ["ip", "hostname", "unknown-endpoint"], "ip"),
  memory("cluster-link-sendbuf-limit", 0),
  integer("cluster-manual-failover-timeout", 5000, [1, INT_MAX]),
  bool("cluster-slot-stats-enabled", false),
  integer("cluster-slot-migration-log-max-len", 1000, COUNT),
  memory("slot-migration-max-failover-repl-bytes", 64 * 1024),
] as const;

const OBSERVABILITY = [
  integer("slowlog-log-slower-than", 10000, [-1, LONG_MAX]),
  integer("slowlog-max-len", 128, BIG_COUNT),
  integer("latency-monitor-threshold", 0, BIG_COUNT),
  bool("latency-tracking", true),
  numbers("latency-tracking-info-percentiles", [50, 99, 99.9], parsePercentiles),
] as const;

export const DIRECTIVES = [
  ...NETWORK,
  ...TLS,
  ...PROCESS,
  ...ACCESS,
  ...MEMORY,
  ...VALUES,
  ...PERSISTENCE,
  ...REPLICATION,
  ...CLUSTER,
  ...OBSERVABILITY,
] as const;

type Row = (typeof DIRECTIVES)[number];
export type DirectiveName = Row["name"];
/** The type of each directive's value by its name. */
export type DirectiveValues = {
  -readonly [R in Row as R["name"]]: R extends Directive<string, infer Value> ? Value : never;
};
