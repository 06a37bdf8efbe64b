/** Commands of the conversations' area that stand in none of them, each with the reason and where it is tested instead. */

/** The groups of commands, as COMMAND DOCS tells, that conversations are about; and the one command of another group. */
export const CONVERSATION_GROUPS: ReadonlySet<string> = new Set([
  ...["transactions", "scripting", "pubsub", "connection", "server"],
]);
export const OTHER_CONTAINERS: ReadonlySet<string> = new Set(["object"]);

const REPLICATION = "opens or is a link of replication: see the tests in replication";
const PERSISTENCE = "writes files: see the tests of persistence";

export const LEFT_OUT: Readonly<Record<string, string>> = {
  bgrewriteaof: PERSISTENCE,
  bgsave: PERSISTENCE,
  save: PERSISTENCE,
  failover: REPLICATION,
  psync: REPLICATION,
  replconf: REPLICATION,
  slaveof: "REPLICAOF by another name",
  sync: REPLICATION,
  "restore-asking": "RESTORE in a cluster: see the tests of MIGRATE",
  "memory|malloc-stats": "describes the allocator, of which there is none of that kind here",
  "memory|stats": "measures memory: memory-stats-differential.test.ts compares names, order and types of its fields",
};

/** Subcommands of DEBUG, which has no rows of its own for them. */
export const DEBUG_LEFT_OUT: Readonly<Record<string, string>> = {
  "aof-flush-sleep": "slows the file down for tests of Redis' own latency monitor",
  assert: "kills the server",
  "client-eviction": "prints a structure that is not there",
  clusterlink: "closes links of the cluster's bus, for tests of Redis' own bus",
  "config-rewrite-force-all": "writes directives that nobody has set",
  "crash-and-recover": "kills the server",
  htstats: "prints a table of another kind",
  "htstats-key": "prints a table of another kind",
  leak: "loses memory on purpose",
  loadaof: "needs a file: see the tests of the append-only file",
  mallctl: "is a door to an allocator that is not there",
  "mallctl-str": "is a door to an allocator that is not there",
  oom: "kills the server",
  panic: "kills the server",
  replicate: "makes replicas differ on purpose",
  restart: "starts the process anew; what runs it does that here",
  sdslen: "tells the layout of strings of another kind",
  segfault: "kills the server",
  "stringmatch-test": "runs Redis' own test of patterns; ours is in debug-differential.test.ts",
  structsize: "tells the sizes of C structures",
};
