/** DEBUG: the subcommands that tests of programs use. */

import type { Conversation } from "../conversation.ts";

export const DEBUGGING: readonly Conversation[] = [
  {
    title: "what is told of values and data",
    masks: [
      [/at:0x\w+|lru:\d+|idle:\d/g, ""],
      [/(serializedlength|ql_avg_node):[\d.]+/g, "$1"],
      [/quicklist|listpack/g, "SMALL"],
      [/ ql_[^\r]*/g, ""],
    ],
    lines: `
      a DEBUG OBJECT none | a SET k v | a DEBUG OBJECT k | a HSET h f v | a DEBUG OBJECT h | a DEBUG DIGEST
      a DEBUG DIGEST-VALUE k n h none | a DEBUG DIGEST-VALUE | a SELECT 3 | a SET k v | a DEBUG DIGEST | a FLUSHALL
      a DEBUG DIGEST | a DEBUG POPULATE 3 | a DEBUG POPULATE 3 p 20 | a DBSIZE | a GET key:2 | a STRLEN p:0
      a DEBUG POPULATE x | a DEBUG POPULATE -1 | a DEBUG SLEEP 0 | a DEBUG SLEEP x | a DEBUG SLEEP | a DEBUG ERROR A·b
      a DEBUG ERROR | a DEBUG LOG hello | a DEBUG FOO | a DEBUG | a DEBUG SET-ACTIVE-EXPIRE 0
      a DEBUG SET-ACTIVE-EXPIRE 1 | a DEBUG SET-ACTIVE-EXPIRE | a DEBUG QUICKLIST-PACKED-THRESHOLD 100b
      a DEBUG QUICKLIST-PACKED-THRESHOLD 0 | a DEBUG QUICKLIST-PACKED-THRESHOLD x
      a DEBUG QUICKLIST-PACKED-THRESHOLD 5gb | a DEBUG CHANGE-REPL-ID | a DEBUG LISTPACK none
      a DEBUG SET-SKIP-CHECKSUM-VALIDATION 1 | a DEBUG SET-SKIP-CHECKSUM-VALIDATION 0 | a DEBUG PAUSE-CRON 0
      a DEBUG PAUSE-CRON | a DEBUG REPLYBUFFER RESIZING 0 | a DEBUG REPLYBUFFER RESIZING 1
      a DEBUG REPLYBUFFER PEAK-RESET-TIME 100 | a DEBUG REPLYBUFFER PEAK-RESET-TIME NEVER
      a DEBUG REPLYBUFFER PEAK-RESET-TIME RESET | a DEBUG REPLYBUFFER PEAK-RESET-TIME x | a DEBUG REPLYBUFFER FOO
      a DEBUG REPLYBUFFER FOO 1 | a DEBUG QUICKLIST none | a DEBUG QUICKLIST key:1 | a RPUSH l a | a DEBUG QUICKLIST l
      a DEBUG DIGEST-VALUE n | a DUMP none | a RESTORE r 0 x
    `,
  },
  {
    title: "samples of each kind of reply",
    lines: `
      a HELLO 2 | a DEBUG PROTOCOL string | a DEBUG PROTOCOL integer | a DEBUG PROTOCOL double
      a DEBUG PROTOCOL bignum | a DEBUG PROTOCOL null | a DEBUG PROTOCOL array | a DEBUG PROTOCOL set
      a DEBUG PROTOCOL map | a DEBUG PROTOCOL attrib | a DEBUG PROTOCOL push | a DEBUG PROTOCOL verbatim
      a DEBUG PROTOCOL true | a DEBUG PROTOCOL false | a DEBUG PROTOCOL foo | a HELLO 3 | a DEBUG PROTOCOL string
      a DEBUG PROTOCOL integer | a DEBUG PROTOCOL double | a DEBUG PROTOCOL bignum | a DEBUG PROTOCOL null
      a DEBUG PROTOCOL array | a DEBUG PROTOCOL set | a DEBUG PROTOCOL map | a DEBUG PROTOCOL attrib
      a DEBUG PROTOCOL push | a DEBUG PROTOCOL verbatim | a DEBUG PROTOCOL true | a DEBUG PROTOCOL false
      a DEBUG PROTOCOL foo
    `,
  },
  {
    title: "RELOAD, with and without its words",
    lines: `
      a SET k 1 | a SET e 1 EX 1000 | a RPUSH l a b | a DEBUG RELOAD | a GET k | a LRANGE l 0 -1 | a SET k 2
      a DEBUG RELOAD NOSAVE | a GET k | a SET other 1 | a DEL k | a DEBUG RELOAD NOSAVE NOFLUSH MERGE | a GET k
      a GET other | a SET k 3 | a DEBUG RELOAD MERGE NOFLUSH NOSAVE | a GET k | a DEBUG RELOAD FOO
      a DEBUG RELOAD NOSAVE FOO | a SELECT 2 | a SET two 2 | a DEBUG RELOAD | a GET two | a DEBUG DIGEST
      a DEBUG RELOAD MERGE | a GET two | a DBSIZE | b SET w 1 | a WATCH two | b DEBUG RELOAD | a MULTI; GET two; EXEC
      a FLUSHALL
    `,
  },
  {
    title: "messages of the cluster that are lost",
    directives: ["--cluster-enabled", "yes"],
    lines: `
      a DEBUG DROP-CLUSTER-PACKET-FILTER 5 | a DEBUG DROP-CLUSTER-PACKET-FILTER -1 | a DEBUG DROP-CLUSTER-PACKET-FILTER x
      a DEBUG DROP-CLUSTER-PACKET-FILTER | a DEBUG DROP-CLUSTER-PACKET-FILTER 1 2
    `,
  },
  {
    title: "refused unless it is allowed",
    directives: ["--enable-debug-command", "no"],
    lines: `
      a DEBUG SLEEP 0 | a DEBUG | a DEBUG FOO | a MULTI; DEBUG SLEEP 0; EXEC | a MODULE LOAD x
      a CONFIG SET enable-debug-command yes
    `,
  },
];
