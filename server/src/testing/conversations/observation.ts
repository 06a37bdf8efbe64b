/** What the server tells of itself: INFO, SLOWLOG, LATENCY, MEMORY, COMMAND, OBJECT, MODULE, LOLWUT, TIME, ROLE. */

import type { Conversation } from "../conversation.ts";

export const OBSERVATION: readonly Conversation[] = [
  {
    title: "SLOWLOG: entries, their arguments, who sent them, how many are kept",
    directives: ["--slowlog-log-slower-than", "-1"],
    lines: `
      a SLOWLOG GET | a SLOWLOG LEN | a CLIENT SETNAME me | a CONFIG SET slowlog-log-slower-than 0 | a SET k v
      a CONFIG SET slowlog-log-slower-than -1 | a SLOWLOG LEN | a SLOWLOG GET | a SLOWLOG GET 1 | a SLOWLOG GET 0
      a SLOWLOG GET -1 | a SLOWLOG GET -2 | a SLOWLOG GET x | a SLOWLOG GET 1 2 | a SLOWLOG RESET | a SLOWLOG LEN
      a SLOWLOG FOO | a SLOWLOG RESET x | a CONFIG SET slowlog-log-slower-than 0
      b RPUSH l e0 e1 e2 e3 e4 e5 e6 e7 e8 e9 e10 e11 e12 e13 e14 e15 e16 e17 e18 e19 e20 e21 e22 e23 e24 e25 e26 e27 e28 e29 e30 e31 e32 e33 e34 e35 e36 e37 e38 e39
      b SET long xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      b FOO x | b GET | b MULTI; SET k 1; EXEC | b EVAL return·redis.call('get',KEYS[1]) 1 k | b AUTH x
      b CONFIG SET masteruser u masterauth p | b ACL SETUSER u >p | b HELLO 3 AUTH default x | b CONFIG GET x
      a CONFIG SET slowlog-log-slower-than -1 | a SLOWLOG GET 100 | a CONFIG SET slowlog-max-len 2 | a SLOWLOG LEN
      a SLOWLOG GET 100 | a CONFIG SET slowlog-max-len 128 | b ACL DELUSER u
      a CONFIG SET masteruser "" masterauth "" | a HELLO 3 | a SLOWLOG GET | a SLOWLOG RESET
    `,
    masks: [
      // Number, time and duration of each entry; PINGs of the record itself.
      [
        /\*6\r\n:\d+\r\n:\d+\r\n:\d+\r\n\*2\r\n\$4\r\nPING\r\n\$\d*\r\nmark-\d+-[a-z]\r\n\$\d*\r\n[^\r]*\r\n\$\d*\r\n[^\r]*\r\n/g,
        "",
      ],
      [/\*6\r\n:\d+\r\n:\d+\r\n:\d+\r\n\*1\r\n\$4\r\nPING\r\n\$\d*\r\n[^\r]*\r\n\$\d*\r\n[^\r]*\r\n/g, ""],
      [/\*6\r\n:\d+\r\n:\d+\r\n:\d+\r\n/g, "*6 "],
      [/\*\d+\r\n\*6/g, "*6"],
      [/([$=])\d+\r\n/g, "$1\r\n"],
    ],
  },
  {
    title: "SLOWLOG: a command that waits stands there once, behind what let it go on",
    directives: ["--slowlog-log-slower-than", "-1"],
    lines: `
      a CONFIG SET slowlog-log-slower-than 0 | b& BLPOP q 0 | a LPUSH q x | b?1 | a CONFIG SET slowlog-log-slower-than -1
      a SLOWLOG GET 100
    `,
    masks: [
      [/\*6\r\n:\d+\r\n:\d+\r\n:\d+\r\n\*\d\r\n\$\d*\r\n(PING|CLIENT)\r\n([^*]*)/g, ""],
      [/\*6\r\n:\d+\r\n:\d+\r\n:\d+\r\n/g, "*6 "],
      [/\*\d+\r\n\*6/g, "*6"],
      [/([$=])\d+\r\n/g, "$1\r\n"],
    ],
  },
  {
    title: "LATENCY: without events, and what is refused",
    lines: `
      a LATENCY LATEST | a LATENCY HISTORY x | a LATENCY RESET | a LATENCY RESET x y | a LATENCY GRAPH x
      a LATENCY FOO | a LATENCY | a LATENCY HISTORY | a LATENCY GRAPH | a LATENCY HISTOGRAM nosuch
      a LATENCY LATEST x | a LATENCY DOCTOR x | a HELLO 3 | a LATENCY HISTOGRAM nosuch | a LATENCY LATEST
    `,
  },
  {
    title: "LATENCY: events and their shape",
    lines: `
      a CONFIG SET latency-monitor-threshold 20 | a DEBUG SLEEP 0.03 | a LATENCY LATEST | a LATENCY HISTORY command
      a LATENCY HISTORY fast-command | a LATENCY GRAPH command | a LATENCY RESET command | a LATENCY LATEST
      a LATENCY RESET | a CONFIG SET latency-monitor-threshold 0 | a CONFIG RESETSTAT | a LATENCY HISTOGRAM set
      a SET k v | a SET k v | a LATENCY HISTOGRAM set | a LATENCY HISTOGRAM SET nosuch set
      a CONFIG SET latency-tracking no | a LATENCY HISTOGRAM set | a CONFIG SET latency-tracking yes | a CLIENT ID
      a LATENCY HISTOGRAM client|id | a LATENCY HISTOGRAM client
    `,
    // Times, and the bins that they fall into; PINGs of the record count themselves.
    masks: [
      [/:\d{2,}\r\n/g, ":N\r\n"],
      [/histogram_usec\r\n\*\d+\r\n(:\w+\r\n)+/g, "bins "],
      [/\$\d+\r\n(command - high).* ms\)/g, "$1"],
      [/\d(?=\ns\n)/, "AGE"],
    ],
  },
  {
    title: "MEMORY: its subcommands and their shape",
    lines: `
      a MEMORY | a MEMORY FOO | a MEMORY USAGE | a MEMORY USAGE none | a MEMORY USAGE k SAMPLES | a SET k v
      a MEMORY USAGE k SAMPLES x | a MEMORY USAGE k SAMPLES -1 | a MEMORY USAGE k FOO 1 | a MEMORY USAGE k
      a MEMORY USAGE k SAMPLES 0 | a RPUSH l a b c | a MEMORY USAGE l SAMPLES 1 SAMPLES 2 | a MEMORY PURGE
      a MEMORY PURGE x | a MEMORY DOCTOR x | a MEMORY STATS x | a MEMORY MALLOC-STATS x | a MEMORY DOCTOR
    `,
    masks: [
      [/:\d\d+\r\n/g, ":N\r\n"],
      [/(Hi Sam|Too little data)[^\r]*/, "its words are ours"],
      [/\$\d{2,}/g, "$"],
    ],
  },
  {
    title: "OBJECT",
    lines: `
      a SET i 1 | a SET e short | a SET r xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | a RPUSH l a
      a SADD s 1 2 | a SADD t a | a HSET h f v | a ZADD z 1 m | a XADD x 1-1 f v | a OBJECT ENCODING i
      a OBJECT ENCODING e | a OBJECT ENCODING r | a OBJECT ENCODING l | a OBJECT ENCODING s | a OBJECT ENCODING t
      a OBJECT ENCODING h | a OBJECT ENCODING z | a OBJECT ENCODING x | a OBJECT ENCODING none | a OBJECT REFCOUNT e
      a OBJECT REFCOUNT none | a OBJECT FREQ e | a OBJECT FREQ none | a OBJECT IDLETIME none
      a CONFIG SET maxmemory-policy allkeys-lfu | a OBJECT IDLETIME e | a SET f v | a OBJECT FREQ f
      a CONFIG SET maxmemory-policy noeviction | a OBJECT | a OBJECT FOO e | a OBJECT ENCODING | a OBJECT HELP x
      a OBJECT ENCODING e x | a object encoding e | a HELLO 3 | a OBJECT ENCODING none
    `,
    masks: [
      [/quicklist|hashtable|listpack/g, "SMALL"],
      [/\$\d+/g, "$"],
    ],
  },
  {
    title: "COMMAND",
    lines: `
      a COMMAND GETKEYS | a COMMAND GETKEYS SET k v | a COMMAND GETKEYS FOO | a COMMAND GETKEYS PING
      a COMMAND GETKEYS EVAL x 2 a b c | a COMMAND GETKEYS XREAD STREAMS a b 0 0 | a COMMAND GETKEYS MEMORY USAGE k
      a COMMAND GETKEYS SORT k STORE d | a COMMAND GETKEYSANDFLAGS SET k v | a COMMAND GETKEYSANDFLAGS SORT k STORE d
      a COMMAND GETKEYSANDFLAGS EVAL x 1 a | a COMMAND GETKEYS EVAL x 0 | a COMMAND INFO nosuch | a COMMAND INFO
      a COMMAND COUNT x | a COMMAND FOO | a COMMAND DOCS nosuch | a COMMAND LIST FILTERBY PATTERN xreadg*
      a COMMAND LIST FILTERBY MODULE x | a COMMAND LIST FILTERBY ACLCAT nosuch | a COMMAND LIST FOO
      a COMMAND INFO get ping
    `,
    masks: [[/\*(240|255)\r\n.*/gs, "all of them"]],
  },
  {
    title: "INFO: its sections by name; MODULE, LOLWUT, TIME, ROLE, LASTSAVE",
    lines: `
      a INFO nosuch | a INFO keyspace | a SET k v | a SET e v EX 1000 | a INFO keyspace | a SELECT 3 | a SET k v
      a INFO keyspace | a INFO KEYSPACE keyspace | a INFO cluster | a INFO modules | a INFO replication x | a FLUSHALL
      a MODULE | a MODULE LIST | a MODULE FOO | a MODULE LOAD | a MODULE LOAD /nosuch.so | a MODULE UNLOAD x
      a MODULE LOADEX /nosuch.so | a LOLWUT VERSION x | a TIME x | a ROLE | a ROLE x | a LASTSAVE x | a DBSIZE x
      a DBSIZE | a HELLO 3 | a INFO keyspace | a ROLE
    `,
    masks: [
      [/avg_ttl=\d+(,subexpiry=\d+)?/g, "avg_ttl"],
      [/([$=])\d+/g, "$1"],
      [/master_repl_meaningful_offset|master_replid2?:\w+\r\n/g, ""],
    ],
  },
  {
    title: "who is subscribed, watches or waits is counted",
    lines: `
      a WATCH k l | b WATCH k | c SUBSCRIBE x | d& BLPOP q r 0 | e& BLPOP p 100 | a INFO clients | f& WAIT 1 100000
      a INFO clients | a CLIENT UNBLOCK <f> | f?1 | a CLIENT UNBLOCK <e> | e?1 | a UNWATCH | a INFO clients | b MULTI; GET k; EXEC | c RESET
      a LPUSH q 1 | d?1 | a INFO clients
    `,
    // Fields that came with 7.4, and sizes of buffers.
    masks: [
      [/(pubsub_clients|watching_clients|total_\w+|client_recent_max_\w+):\d+\r\n/g, ""],
      [/\$\d+/g, "$"],
    ],
  },
  {
    title: "errors and calls are counted by kind",
    lines: `
      a CONFIG RESETSTAT | a FOO | a GET | a LPUSH k | a SET k v | a LPUSH k x | a INCR k | a INFO errorstats
      a EVAL return·redis.call('incr',KEYS[1]) 1 k | a EVAL return·redis.pcall('incr',KEYS[1]) 1 k | a INFO errorstats
      a AUTH a b | a EVALSHA x 0 | a MULTI; FOO; EXEC | a MULTI; INCR k; EXEC
      a EVAL return·redis.error_reply('MY·x') 0 | a INFO errorstats | a INFO commandstats | a CONFIG RESETSTAT
      a INFO errorstats | a EVAL return·redis.call('incr',KEYS[1]) 1 k | a EVAL return·redis.pcall('incr',KEYS[1]) 1 k
      a EVAL redis.pcall('incr',KEYS[1]) 1 k | a EVAL redis.call('get') 0 | a EVAL return·redis.pcall('get') 0
      a EVAL pcall(redis.call,'get') 0 | a EVAL pcall(redis.call,'nosuch') 0 | a EVAL redis.call('nosuch') 0
      a EVAL return·redis.pcall('config','get') 0 | a EVAL return·redis.call('config') 0 | a EVAL redis.call() 0
      a EVAL_RO return·redis.pcall('set','k','v') 0 | a EVAL error({err='MY·x',ignore_error_stats_update=true}) 0
      a EVAL return·{err='MY·x',ignore_error_stats_update=true} 0 | a EVAL return·{{err='MY·x'}} 0
      a MULTI; EVAL return·redis.call('incr','k') 0; EXEC | a CONFIG NOSUCH | a OBJECT NOSUCH k | a INFO errorstats
      a INFO commandstats | a CONFIG RESETSTAT | a ACL SETUSER u on nopass +@all -set ~x* | b AUTH u x
      b EVAL redis.call('set','x','v') 0 | b EVAL redis.call('get','k') 0 | a CONFIG SET maxmemory 1
      a EVAL redis.call('set','k','v') 0 | a EVAL return·redis.pcall('set','k','v') 0 | a CONFIG SET maxmemory 0
      a INFO errorstats | a INFO commandstats | b RESET | a ACL DELUSER u | a CONFIG RESETSTAT
      b& BLPOP q 0 | a CLIENT UNBLOCK <b> ERROR | b?1 | a INFO errorstats | a INFO commandstats | a CONFIG RESETSTAT
    `,
    // Durations, and the calls of the record itself; Redis calls it a failure of CLIENT UNBLOCK too that the other one fails.
    masks: [
      [/usec=\d+,usec_per_call=[\d.]+/g, "usec"],
      [/cmdstat_(ping|info|config\|resetstat|client\|id|client\|list|client\|unblock|flushall)[^\r]*\r\n/g, ""],
      [/\$\d+/g, "$"],
      [/(cmdstat_[^\r]*\r\n)+/g, (lines) => lines.split("\r\n").sort().join("\r\n")],
    ],
  },
];
