/** CONFIG: patterns, several directives at once, what is refused, and what of a change shows at once. */

import type { Conversation } from "../conversation.ts";

export const CONFIGURATION: readonly Conversation[] = [
  {
    title: "GET by names and patterns",
    lines: String.raw`
      a CONFIG GET maxmemory | a CONFIG GET MaxMemory | a CONFIG GET nosuch | a CONFIG GET *-max-intset-entries
      a CONFIG GET maxmemory maxmemory | a CONFIG GET zset-max-ziplist-v* | a CONFIG GET | a CONFIG GET [hx]z
      a CONFIG GET slaveof | a CONFIG GET replicaof | a CONFIG GET slave-priority | a CONFIG GET lua-time-limit
      a CONFIG GET busy-reply-threshold | a CONFIG GET save | a CONFIG GET user | a CONFIG GET rename-command
      a CONFIG GET client-output-buffer-limit | a CONFIG GET oom-score-adj-values
      a CONFIG GET notify-keyspace-events | a CONFIG GET unixsocket | a CONFIG GET cluster-announce-ip | a HELLO 3
      a CONFIG GET nosuch | a CONFIG | a CONFIG FOO | a CONFIG GET \\* | a CONFIG HELP x
    `,
  },
  {
    title: "SET of several is all or nothing",
    lines: `
      a CONFIG SET hz 20 maxmemory 1gb | a CONFIG GET hz | a CONFIG GET maxmemory | a CONFIG SET hz 30 maxmemory x
      a CONFIG GET hz | a CONFIG SET hz 30 nosuch 1 | a CONFIG GET hz | a CONFIG SET hz 30 hz 40
      a CONFIG SET hz 30 HZ 40 | a CONFIG SET hz | a CONFIG SET hz 10 maxmemory | a CONFIG SET
      a CONFIG SET hz 10 databases 3 | a CONFIG GET hz | a CONFIG SET list-max-listpack-size 5 list-max-ziplist-size 6
      a CONFIG SET hz 10 maxmemory 0 | a CONFIG SET maxmemory-policy lru | a CONFIG SET appendfsync never
      a CONFIG SET appendonly maybe
    `,
  },
  {
    title: "values that are none, each in Redis' words",
    lines: `
      a CONFIG SET hz x | a CONFIG SET maxclients -1 | a CONFIG SET maxclients 0 | a CONFIG SET hz 25 maxclients 1100000 | a CONFIG GET hz | a CONFIG SET timeout -1
      a CONFIG SET tcp-keepalive x | a CONFIG SET maxmemory-samples 0 | a CONFIG SET lfu-decay-time -1
      a CONFIG SET maxmemory -1 | a CONFIG SET maxmemory 1x | a CONFIG SET maxmemory 1%
      a CONFIG SET maxmemory-clients 0 | a CONFIG SET maxmemory-clients 101% | a CONFIG SET maxmemory-clients 5%
      a CONFIG GET maxmemory-clients | a CONFIG SET maxmemory-clients 0 | a CONFIG SET save x | a CONFIG SET save 1
      a CONFIG SET save 0·1 | a CONFIG SET save 1·-1 | a CONFIG SET save 60·1·30·2 | a CONFIG GET save
      a CONFIG SET save "" | a CONFIG GET save | a CONFIG SET client-output-buffer-limit x
      a CONFIG SET client-output-buffer-limit normal·0·0 | a CONFIG SET client-output-buffer-limit foo·0·0·0
      a CONFIG SET client-output-buffer-limit normal·x·0·0 | a CONFIG SET client-output-buffer-limit pubsub·1mb·2kb·-1
      a CONFIG SET client-output-buffer-limit pubsub·1mb·2kb·3 | a CONFIG GET client-output-buffer-limit
      a CONFIG SET client-output-buffer-limit slave·1·2·3·normal·4·5·6 | a CONFIG GET client-output-buffer-limit
      a CONFIG SET client-output-buffer-limit normal·0·0·0·replica·256mb·64mb·60·pubsub·32mb·8mb·60
      a CONFIG SET oom-score-adj-values 1·2 | a CONFIG SET oom-score-adj-values 1·2·x
      a CONFIG SET oom-score-adj-values 0·200·800 | a CONFIG GET oom-score-adj-values
      a CONFIG SET oom-score-adj maybe | a CONFIG SET loglevel loud | a CONFIG SET loglevel notice
      a CONFIG SET min-replicas-max-lag -1 | a CONFIG SET slowlog-log-slower-than x | a CONFIG SET slowlog-max-len -1
      a CONFIG SET notify-keyspace-events xyz1 | a CONFIG SET latency-tracking-info-percentiles 101
      a CONFIG SET latency-tracking-info-percentiles x | a CONFIG SET latency-tracking-info-percentiles 50·99.9
      a CONFIG GET latency-tracking-info-percentiles | a CONFIG SET latency-tracking-info-percentiles ""
      a CONFIG GET latency-tracking-info-percentiles | a CONFIG SET latency-tracking-info-percentiles 50·99·99.9
      a CONFIG SET list-compress-depth -1 | a CONFIG SET hash-max-listpack-entries x
      a CONFIG SET stream-node-max-entries -1 | a CONFIG SET repl-ping-replica-period 0 | a CONFIG SET repl-timeout 0
      a CONFIG SET proto-max-bulk-len 1 | a CONFIG SET client-query-buffer-limit 1 | a CONFIG SET acllog-max-len -1
      a CONFIG SET tracking-table-max-keys -1 | a CONFIG SET shutdown-timeout -1
      a CONFIG SET shutdown-on-sigterm foo | a CONFIG SET shutdown-on-sigint save·nosave | a CONFIG SET shutdown-on-sigint nosave·force
      a CONFIG GET shutdown-on-sigint | a CONFIG SET shutdown-on-sigint default | a CONFIG SET activedefrag maybe
      a CONFIG SET busy-reply-threshold x | a CONFIG SET lua-time-limit 5000 | a CONFIG SET replica-priority -1
      a CONFIG SET masteruser x | a CONFIG SET masteruser "" | a CONFIG SET replica-announce-port 65536
      a CONFIG SET cluster-node-timeout -1 | a CONFIG SET dbfilename a/b | a CONFIG SET dir /nosuchfolder
      a CONFIG SET rdbcompression 2 | a CONFIG SET sanitize-dump-payload maybe | a CONFIG SET acl-pubsub-default foo
      a CONFIG SET maxmemory-eviction-tenacity 101 | a CONFIG SET active-expire-effort 11
      a CONFIG SET active-expire-effort 0 | a CONFIG SET lazyfree-lazy-expire x | a CONFIG SET jemalloc-bg-thread x
      a CONFIG SET cluster-migration-barrier -1 | a CONFIG SET auto-aof-rewrite-percentage -1
      a CONFIG SET auto-aof-rewrite-min-size x | a CONFIG SET io-threads 2 | a CONFIG SET daemonize yes
      a CONFIG SET unixsocket x | a CONFIG SET tcp-backlog 5 | a CONFIG SET aclfile x | a CONFIG SET logfile x
      a CONFIG SET databases 1 | a CONFIG SET enable-debug-command no | a CONFIG SET enable-module-command yes
      a CONFIG SET enable-protected-configs yes | a CONFIG SET appendfilename x | a CONFIG SET appenddirname x
      a CONFIG SET pidfile x | a CONFIG SET syslog-enabled yes | a CONFIG SET supervised no
      a CONFIG SET always-show-logo yes | a CONFIG SET cluster-enabled yes | a CONFIG SET cluster-config-file x
      a CONFIG SET hz 1000 | a CONFIG GET hz | a CONFIG SET hz 0 | a CONFIG GET hz | a CONFIG SET hz 10
      a CONFIG SET repl-backlog-size 1 | a CONFIG GET repl-backlog-size | a CONFIG SET repl-backlog-size 1mb
      a CONFIG SET oom-score-adj relative | a CONFIG GET oom-score-adj | a CONFIG SET oom-score-adj no
      a CONFIG SET proc-title-template {bad} | a CONFIG SET proc-title-template {title}· | a CONFIG SET proc-title-template {title}·{port}·x
      a CONFIG GET proc-title-template | a CONFIG SET proc-title-template {title}·{listen-addr}·{server-mode}
      a CONFIG SET proc-title-template {title | a CONFIG SET rdb-key-save-delay 5 key-load-delay -5
      a CONFIG GET rdb-key-save-delay | a CONFIG GET key-load-delay | a CONFIG GET rdb-key* | a CONFIG GET KEY-LOAD-DELAY
      a CONFIG SET rdb-key-save-delay 0 key-load-delay 0 | a CONFIG GET watchdog-period | a CONFIG SET watchdog-period x
      a CONFIG GET loading-process-events-interval-bytes | a CONFIG GET use-exit-on-panic | a CONFIG SET crash-log-enabled x | a CONFIG SET bio_cpulist 1 | a CONFIG SET replicaof a·b
    `,
  },
  {
    title: "a change takes effect at once",
    lines: `
      a SET gone 1 | a CONFIG SET maxmemory 1 maxmemory-policy allkeys-lru | a DBSIZE | a CONFIG SET maxmemory-policy noeviction
      a CONFIG SET maxmemory 1 | a SET k v | a CONFIG SET maxmemory 0 | a SET k v
      a CONFIG SET min-replicas-to-write 1 | a SET k v | a CONFIG SET min-replicas-to-write 0
      a CONFIG SET hash-max-listpack-entries 1 | a HSET h a 1 b 2 | a OBJECT ENCODING h
      a CONFIG SET hash-max-listpack-entries 128 | a CONFIG GET hash-max-ziplist-entries
      a CONFIG SET set-max-intset-entries 1 | a SADD s 1 2 | a OBJECT ENCODING s
      a CONFIG SET set-max-intset-entries 512 | a CONFIG SET slowlog-log-slower-than 0 | a SLOWLOG RESET
      a CONFIG SET slowlog-log-slower-than 10000 | a CONFIG RESETSTAT | a CONFIG RESETSTAT x
      a MULTI; CONFIG SET hz 11; CONFIG GET hz; EXEC | a EVAL return·redis.call('config','get','hz') 0
      a CONFIG SET hz 10 | a CONFIG REWRITE | a CONFIG REWRITE x
    `,
    masks: [
      [/hashtable|listpack/g, "TABLE"],
      [/\$\d+/g, "$"],
    ],
  },
];
