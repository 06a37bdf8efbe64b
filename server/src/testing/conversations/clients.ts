/** CLIENT and its subcommands, and what else belongs to a connection: HELLO, AUTH, RESET, QUIT, SELECT, PING, ECHO. */

import type { Conversation } from "../conversation.ts";
import { CLIENT_LINES } from "./client-lines.ts";

export const CLIENTS: readonly Conversation[] = [
  {
    title: "a connection's first words",
    masks: CLIENT_LINES,
    lines: String.raw`
      a PING | a PING x | a PING x y | a ECHO x | a ECHO | a ECHO "" | a SELECT 1 | a SELECT 99 | a SELECT x
      a SELECT -1 | a HELLO | a HELLO 2 | a HELLO 3 | a HELLO 4 | a HELLO x | a HELLO 3 SETNAME me | a CLIENT GETNAME
      a HELLO 3 SETNAME a·b | a HELLO 3 AUTH default | a HELLO 3 AUTH default x | a HELLO 3 AUTH none x
      a HELLO 3 FOO | a HELLO 2 AUTH default x SETNAME y | a CLIENT GETNAME | a HELLO 3 SETNAME | a AUTH x
      a AUTH default x | a AUTH none x | a AUTH a b c | a AUTH | a CLIENT SETNAME me | a CLIENT GETNAME
      a CLIENT SETNAME a·b | a CLIENT SETNAME a\nb | a CLIENT SETNAME ü | a CLIENT SETNAME "" | a CLIENT GETNAME
      a CLIENT SETNAME | a CLIENT FOO | a CLIENT | a CLIENT ID | a CLIENT ID x | a CLIENT GETNAME x | a READONLY
      a READWRITE | a ASKING | a$ QUIT | b$ QUIT now | c$ PING; QUIT; PING
    `,
  },
  {
    title: "RESET takes a connection back to its beginning",
    masks: CLIENT_LINES,
    lines: `
      a HELLO 3 | a SELECT 3 | a CLIENT SETNAME me | a SUBSCRIBE x | a PSUBSCRIBE y | a SSUBSCRIBE z
      a CLIENT TRACKING ON | b CLIENT LIST ID <a> | a RESET | b CLIENT LIST ID <a> | b PUBLISH x 1 | a CLIENT GETNAME
      a HGETALL k | a? MULTI | a? SET k 1 | a RESET | a EXEC | a GET k | a WATCH k | b SET k 2 | a RESET
      a MULTI; GET k; EXEC | b ACL SETUSER limited on nopass ~* +@all | a AUTH limited x | a ACL WHOAMI | a RESET
      a ACL WHOAMI | b ACL DELUSER limited | a MONITOR | b PING | a RESET | b PING | a PING | a RESET x
    `,
  },
  {
    title: "CLIENT LIST and INFO: every field that does not measure",
    masks: CLIENT_LINES,
    lines: `
      a CLIENT LIST ID <a> | a CLIENT INFO | a CLIENT SETNAME me | a HELLO 3 | a CLIENT LIST ID <a> <b> <a>
      a CLIENT LIST ID 99999 <b> | a CLIENT LIST TYPE replica | a CLIENT LIST TYPE slave | a CLIENT LIST TYPE master
      a CLIENT LIST TYPE foo | a CLIENT LIST TYPE | a CLIENT LIST ID | a CLIENT LIST ID x | a CLIENT LIST ID 0
      a CLIENT LIST ID -1 | a CLIENT LIST FOO | a CLIENT LIST TYPE normal x | b SUBSCRIBE x y | b PSUBSCRIBE z
      b SSUBSCRIBE s | a CLIENT LIST ID <b> | a CLIENT LIST TYPE pubsub | b RESET | a CLIENT LIST TYPE pubsub
      b SELECT 5 | b? MULTI | a CLIENT LIST ID <b> | b? GET k | a CLIENT LIST ID <b> | b? FOO | a CLIENT LIST ID <b>
      b EXEC | b WATCH k | a CLIENT LIST ID <b> | a SELECT 5 | a SET k 1 | a CLIENT LIST ID <b> | b UNWATCH
      b CLIENT TRACKING ON REDIRECT <a> | a CLIENT LIST ID <b> | b CLIENT TRACKING OFF | b CLIENT TRACKING ON BCAST
      a CLIENT LIST ID <b> | b CLIENT TRACKING OFF | b CLIENT NO-EVICT ON | a CLIENT LIST ID <b>
      b CLIENT NO-EVICT OFF | b READONLY | a CLIENT LIST ID <b> | b READWRITE | b& BLPOP none 0 | a CLIENT LIST ID <b>
      a CLIENT UNBLOCK <b> | b?1 | b& XREAD BLOCK 0 STREAMS x $ | a CLIENT LIST ID <b> | a CLIENT UNBLOCK <b> ERROR
      b?1 | a CLIENT UNBLOCK <b> | a CLIENT UNBLOCK <b> TIMEOUT | a CLIENT UNBLOCK <b> FOO | a CLIENT UNBLOCK 0
      a CLIENT UNBLOCK x | a CLIENT UNBLOCK -1 | b MONITOR | a CLIENT LIST ID <b>
    `,
  },
  {
    title: "CLIENT KILL: by each filter, and by several",
    masks: CLIENT_LINES,
    lines: `
      b! | a CLIENT KILL <b.address> | c! | a CLIENT KILL <c.address> | b$ | c$ | b+ | a CLIENT KILL 1.2.3.4:5
      a CLIENT KILL ADDR 1.2.3.4:5 | b! | a CLIENT KILL ADDR <b.address> | b$ | b+ | b! | a CLIENT KILL ID <b> | b$
      b+ | a CLIENT KILL LADDR 1.1.1.1:1 | b! | a CLIENT KILL LADDR <server.address> ID <b> | b$ | b+
      a CLIENT KILL ID <b> ADDR 1.1.1.1:1 | a CLIENT KILL ID <b> TYPE pubsub | a CLIENT KILL TYPE replica
      a CLIENT KILL TYPE slave | a CLIENT KILL TYPE master | a CLIENT KILL TYPE foo | a CLIENT KILL USER none
      a ACL SETUSER u on nopass ~* +@all | b AUTH u x | b! | a CLIENT KILL USER u | b$ | b+ | b AUTH u x | b!
      a CLIENT KILL USER u TYPE normal | b$ | b+ | a CLIENT KILL ID 0 | a CLIENT KILL ID x | a CLIENT KILL ID
      a CLIENT KILL | a CLIENT KILL SKIPME foo ID 1 | a CLIENT KILL ID <a> SKIPME yes | a CLIENT KILL ID <a>
      a$ CLIENT KILL ID <a> SKIPME no | a+ | a$ CLIENT KILL <a.address> | a+ | b SUBSCRIBE x | b!
      a CLIENT KILL TYPE pubsub SKIPME no | b$ | b+ | b? MULTI | b? SET k 1 | b! | a CLIENT KILL ID <b> | b$ | a GET k
      b+ | b& BLPOP q 0 | a CLIENT KILL ID <b> | b$ | a LPUSH q 1 | a LLEN q | a MULTI; CLIENT KILL ID 99999; EXEC
      b+ | b SUBSCRIBE x | b! | a MULTI; CLIENT KILL TYPE pubsub; CLIENT KILL TYPE pubsub; CLIENT LIST TYPE pubsub; EXEC | b$
      a$ MULTI; CLIENT KILL ID <a> SKIPME no; EXEC | d ACL DELUSER u
    `,
  },
  {
    title: "CLIENT REPLY",
    lines: `
      a CLIENT REPLY ON | a CLIENT REPLY FOO | a CLIENT REPLY | a! CLIENT REPLY OFF | a! SET k 1 | b GET k
      a? CLIENT REPLY ON | a GET k | a! CLIENT REPLY SKIP; SET k 2; GET k; GET l | a?2
      a CLIENT REPLY SKIP; GET k; GET k | a! CLIENT REPLY OFF; FOO; CLIENT REPLY SKIP; GET k | b GET k
      a? CLIENT REPLY ON | a HELLO 3 | a! CLIENT REPLY OFF | a! SUBSCRIBE x | b PUBLISH x 1 | a?1 | a? CLIENT REPLY ON
      a UNSUBSCRIBE x | c! CLIENT REPLY OFF | c! PSUBSCRIBE x* | b PUBLISH x 1 | c?2 | c! PUNSUBSCRIBE x* | c?1
      c! SUBSCRIBE x; UNSUBSCRIBE | c?2 | c? CLIENT REPLY ON | c! CLIENT REPLY SKIP; SUBSCRIBE x | c?1
    `,
  },
  {
    title: "CLIENT PAUSE and UNPAUSE",
    lines: `
      a CLIENT PAUSE | a CLIENT PAUSE x | a CLIENT PAUSE -1 | a CLIENT PAUSE 1.5 | a CLIENT PAUSE 100 FOO
      a CLIENT PAUSE 0 | a CLIENT UNPAUSE | a CLIENT PAUSE 100000 WRITE | b GET k | b& SET k 1 | a GET k
      a CLIENT LIST TYPE replica | a CLIENT UNPAUSE | b?1 | b GET k | a CLIENT PAUSE 100000 WRITE | b& EVAL return·1 0
      c& PUBLISH x 1 | d? MULTI | d& SET k 2 | a CLIENT UNPAUSE | b?1 | c?1 | d?1 | d EXEC
      a CLIENT PAUSE 100000 WRITE | b EVAL_RO return·1 0 | c PING | c& PFCOUNT h | a CLIENT UNPAUSE | c?1 | b GET k
      a CLIENT PAUSE 100000 WRITE | b? MULTI | b? GET k | b EXEC | b& SPUBLISH x 1 | a CLIENT PAUSE 1 WRITE
      a CLIENT UNPAUSE | b?1 | a CLIENT PAUSE 50 ALL | a? GET k | b GET k | a CLIENT PAUSE 50 | b? GET k | c GET k
      a CLIENT UNPAUSE x | a SET e 1 PX 1 | a CLIENT PAUSE 100000 WRITE | a DEBUG SLEEP 0.01 | a GET e
      a CLIENT UNPAUSE | a EXISTS e
    `,
  },
  {
    title: "CLIENT NO-EVICT, CACHING, GETREDIR, TRACKINGINFO: what they refuse",
    masks: CLIENT_LINES,
    lines: `
      a CLIENT NO-EVICT | a CLIENT NO-EVICT x | a CLIENT NO-EVICT ON | a CLIENT NO-EVICT off | a CLIENT CACHING
      a CLIENT CACHING x | a CLIENT CACHING YES | a CLIENT CACHING NO | a CLIENT GETREDIR | a CLIENT TRACKING ON
      a CLIENT CACHING YES | a CLIENT TRACKING OFF | b HELLO 3 | b CLIENT TRACKING ON | b CLIENT GETREDIR
      b CLIENT TRACKINGINFO | b CLIENT CACHING YES | b CLIENT TRACKING OFF | b CLIENT TRACKING ON OPTIN
      b CLIENT CACHING NO | b CLIENT CACHING YES | b CLIENT TRACKINGINFO | b CLIENT TRACKINGINFO
      b CLIENT TRACKING OFF | b CLIENT TRACKING ON REDIRECT <a> | b CLIENT GETREDIR | b CLIENT TRACKINGINFO
      b CLIENT TRACKING OFF | b CLIENT TRACKING ON BCAST PREFIX x PREFIX y | b CLIENT TRACKINGINFO
      b CLIENT TRACKING ON BCAST PREFIX xz | a SET xx 1 | a CLIENT TRACKINGINFO | a CLIENT GETREDIR
      b CLIENT TRACKING OFF
    `,
  },
  {
    title: "redirected invalidations, and a receiver that leaves",
    lines: `
      r SUBSCRIBE __redis__:invalidate | b CLIENT TRACKING ON REDIRECT <r> | b GET k | a SET k 1 | b GET k
      a FLUSHALL | b GET k | a DEBUG SET-ACTIVE-EXPIRE 0 | a SET k 1 PX 20 | b GET k | a DEBUG SLEEP 0.05 | a EXISTS k
      a DEBUG SET-ACTIVE-EXPIRE 1 | b HELLO 3 | b CLIENT TRACKINGINFO | r$ QUIT | a GET k | b GET k | a SET k 2
      b CLIENT TRACKINGINFO | b CLIENT GETREDIR | b GET k
    `,
  },
  {
    title: "protocol faults close the connection, with a word",
    directives: ["--proto-max-bulk-len", "2mb"],
    lines: `
      a CONFIG GET proto-max-bulk-len | a CONFIG SET proto-max-bulk-len 1 | a CONFIG SET proto-max-bulk-len 1mb
      a CONFIG GET proto-max-bulk-len | a CONFIG SET proto-max-bulk-len 512mb
      a CONFIG SET client-query-buffer-limit 1 | a CONFIG SET client-query-buffer-limit 2mb
    `,
  },
  {
    title: "replies beyond the hard limit are not begun to be sent",
    directives: ["--client-output-buffer-limit", "normal 100000 0 0"],
    lines: `
      a SETRANGE big 150000 x | a SETRANGE small 99000 x | a STRLEN big | b$ GET big | d STRLEN big | d GETRANGE big 0 90000
      e$ MULTI; SET k 1; GET big; SET k 2; EXEC | d GET k | d GETRANGE small 0 5
    `,
  },
  {
    title: "a password from the start",
    directives: ["--requirepass", "s3cret"],
    lines: `
      a? PING | a? GET k | a? HELLO 3 | a? HELLO 3 SETNAME x | a? AUTH wrong | a? AUTH default wrong
      a? AUTH none s3cret | a? FOO | a? RESET | a? MULTI | a? SUBSCRIBE x | a? CLIENT ID | a? COMMAND
      a? HELLO 3 AUTH default wrong | a HELLO 3 AUTH default s3cret SETNAME me | a CLIENT GETNAME | a ACL WHOAMI | b+
      b AUTH s3cret | b PING | b? RESET | b? PING | b AUTH default s3cret | b CONFIG GET requirepass
      b CONFIG SET requirepass "" | c+ | c PING | c AUTH x | b CONFIG SET requirepass s3cret | c PING | d+ | d? PING
      d$ QUIT
    `,
  },
];
