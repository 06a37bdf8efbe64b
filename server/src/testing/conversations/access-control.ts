/** Users, what they may and may not, and the log of what was refused, with several connections. */

import type { Conversation, Mask } from "../conversation.ts";

/** Ages, addresses and ids of entries differ; the ids and times came after 7.0. */
const LOG_ENTRIES: readonly Mask[] = [
  [/\*20\r\n|\*14\r\n|%10\r\n|%7\r\n/g, "map "],
  [/\$\d*\r\nentry-id\r\n:\w+\r\n/g, ""],
  [/\$\d*\r\ntimestamp-(created|last-updated)\r\n:\d+\r\n/g, ""],
  [/age-seconds\r\n(\$\d*\r\n|,)[\d.e-]+/g, "age"],
  [/\$\d*\r\nid=[^\r]* (cmd=[^ ]+ user=[^ ]+) [^\r]*/g, "$1"],
  [/([$=])\d+\r\n/g, "$1\r\n"],
];

export const ACCESS_CONTROL: readonly Conversation[] = [
  {
    title: "users made, shown and taken away",
    lines: `
      a ACL WHOAMI | a ACL USERS | a ACL LIST | a ACL GETUSER default | a ACL GETUSER none | a ACL SETUSER u
      a ACL GETUSER u | a ACL LIST | a ACL USERS | a ACL SETUSER u on >p ~k* &c* +get | b? AUTH u p | b? ACL WHOAMI
      a ACL SETUSER u +acl|whoami +ping | b ACL WHOAMI | b GET k | b GET x | b SET k 1 | a ACL DELUSER none
      a ACL DELUSER default | a ACL DELUSER u default | a ACL GETUSER u | b! | a ACL DELUSER u none | b$ | a ACL USERS | a ACL CAT | a ACL CAT nosuch
      a ACL GENPASS 0 | a ACL GENPASS 5000 | a ACL DRYRUN | a ACL DRYRUN none GET k | a ACL DRYRUN default GET k
      a ACL DRYRUN default FOO | a ACL DRYRUN default GET | a ACL FOO | a ACL LOAD | a ACL SAVE
    `,
    masks: [
      // Described by the rules given, not by what followed from them.
      [/[+-]@all[^()\r]*/g, "commands"],
      [/\$\d+/g, "$"],
      // The order of a table.
      [/(ACL CAT)\n.*$/s, "$1"],
    ],
  },
  {
    title: "selectors",
    lines: `
      a ACL SETUSER u on nopass +ping +acl|whoami (+get·~r*) (+set·~w*) (%R~x*·+get·+set) | b AUTH u x | b GET r1
      b SET r1 1 | b SET w1 1 | b GET w1 | b GET x1 | b SET x1 1 | b SET x1 1 GET | b DEL r1 | b MGET r1 r2
      a ACL DRYRUN u GET r1 | a ACL DRYRUN u SET r1 1 | a ACL DRYRUN u GET w1 | a ACL DRYRUN u DEL r1
      a ACL DRYRUN u PING | a ACL DRYRUN u SET x1 1 GET | a ACL SETUSER u clearselectors | b GET r1 | b PING
      a ACL SETUSER u (+get | a ACL SETUSER u (+foo) | a ACL SETUSER u (on) | a ACL SETUSER u +get)
      a ACL SETUSER u () | a ACL SETUSER u (+copy·%R~s*·%W~d*) | b COPY s1 d1 | b COPY d1 s1 | b COPY s1 s2
      b COPY d1 d2 | a ACL DRYRUN u COPY s1 d1 | a ACL DRYRUN u COPY d1 s1 | b RESET | a ACL DELUSER u
      a ACL LOG RESET
    `,
  },
  {
    title: "the log of what was refused: reasons, contexts, repetitions",
    masks: LOG_ENTRIES,
    lines: `
      a ACL LOG RESET | a ACL SETUSER u on >p ~k* &c* +@all -config -debug +config|get | b AUTH u wrong
      b AUTH none p | b HELLO 3 AUTH u wrong | a ACL LOG | a ACL LOG RESET | b AUTH u p | b GET x | a ACL LOG
      b GET x | b GET x | a ACL LOG | b GET y | a ACL LOG 1 | a ACL LOG 0 | a ACL LOG -1 | a ACL LOG x
      b CONFIG SET maxmemory 1 | b PUBLISH x 1 | b SUBSCRIBE x | b DEBUG SLEEP 0 | a ACL LOG 4 | b MULTI; GET x; EXEC
      b EVAL redis.call('get','x') 0 | b EVAL redis.pcall('publish','x','1') 0 | a ACL LOG 3 | b MSET k1 1 x 2
      a ACL LOG 1 | a ACL LOG RESET | b? MULTI | b? GET k | a ACL SETUSER u -get | b EXEC | a ACL LOG
      a ACL LOG RESET x | a ACL LOG 1 2 | a ACL LOG RESET | a ACL LOG | b RESET | a ACL DELUSER u
      a CONFIG SET acllog-max-len 2 | b AUTH x1 x | b AUTH x2 x | b AUTH x3 x | a ACL LOG
      a CONFIG SET acllog-max-len 128 | a ACL LOG RESET
    `,
  },
  {
    title: "rights over kinds of keys, subcommands, first arguments and channels",
    lines: `
      b AUTH u x
      a ACL SETUSER u on nopass resetkeys %R~r* %W~w* ~b* resetchannels &c:* -@all +@read +@write +publish +subscribe +psubscribe +client|id +client|getname +ping
      b AUTH u x | b GET r | b GET w | b GET b | b SET r 1 | b SET w 1 | b SET b 1 | b GETSET w 1 | b APPEND w 1
      b INCR w | b STRLEN w | b EXISTS w | b LPUSH wl 1 | b LPOP wl | b SINTERSTORE w r | b SINTERSTORE w b
      b SINTERSTORE r w | b RENAME b w | b RENAME w b | b SORT r STORE w | b SORT r BY x* GET y* | b SORT r
      b GETEX r | b GETEX r PERSIST | b BITFIELD r GET u8 0 | b BITFIELD r SET u8 0 1 | b BITFIELD_RO r GET u8 0
      b ZADD w 1 m | b ZADD w INCR 1 m | b XADD wx * f v | b XREAD STREAMS r 0 | b KEYS wx | b SCAN 0 MATCH none
      b CLIENT ID | b CLIENT LIST | b CLIENT GETNAME | b CLIENT | b CLIENT KILL x | b PUBLISH c:1 x | b PUBLISH d x
      b PSUBSCRIBE c:* | b PUNSUBSCRIBE | b PSUBSCRIBE c:1 | b SUBSCRIBE c:1 | b? RESET | a ACL DELUSER u
      a ACL LOG RESET
    `,
    masks: [[/(\d{13})-\d/g, "TIME"]],
  },
  {
    title: "a user that is turned off, changed or deleted while connected",
    lines: `
      a ACL SETUSER u on >p ~* &* +@all | b AUTH u p | c AUTH u p | a ACL SETUSER u off | b PING | b GET k
      d AUTH u p | a ACL SETUSER u on | c SUBSCRIBE x | c! | a ACL SETUSER u resetchannels &y | c$
      a ACL SETUSER u &x | b SUBSCRIBE x | a ACL SETUSER u allchannels | b UNSUBSCRIBE | b! | a ACL DELUSER u | b$
      d AUTH u p | a ACL LOG RESET | a ACL SETUSER default off | e+ | e? PING | e? AUTH default x
      a ACL SETUSER default on | a PING | e AUTH default x | e PING | a ACL SETUSER default -debug | a DEBUG SLEEP 0
      a ACL SETUSER default +@all | a ACL LOG RESET
    `,
  },
];
