/** What MONITOR shows of others: commands as they ran, where they came from, and what it keeps to itself. */

import type { Conversation, Mask } from "../conversation.ts";

/** The time at the head of each line. */
const TIMES: readonly Mask[] = [[/\+\d+\.\d{6} \[/g, "+TIME ["]];

export const MONITOR: readonly Conversation[] = [
  {
    title: "shows commands of others, quoted, with database and address",
    masks: TIMES,
    lines: String.raw`
      a MONITOR | b SET k v | b SELECT 3 | b GET k | b SET a·b \n | b SET "quoted" "" | b SET k\x00ü v | b set K V
      b FOO x | b GET | b MULTI; SET k 1; GET k; EXEC | b? MULTI | b? SET k 1 | b DISCARD
      b EVAL return·redis.call('get',KEYS[1]) 1 k | b EVAL redis.call('foo') 0
      b EVAL return·redis.pcall('set',KEYS[1],'a·b') 1 k | b SCRIPT LOAD return·1 | b FCALL none 0 | b LPUSH l a
      b BLPOP l 0 | b SORT l | a PING | a GET k | a MONITOR | b MONITOR | a RESET | b PING
    `,
  },
  {
    title: "hides what is secret, and what is administration",
    // The two servers may have started in different seconds.
    masks: [...TIMES, [/: :\d{10}\r\n/, ": :TIME "]],
    lines: `
      a MONITOR | b AUTH x | b AUTH default x | b HELLO 3 AUTH default x | b CONFIG SET masterauth s3cret
      b CONFIG SET maxmemory 0 | b ACL SETUSER u on >p | b ACL WHOAMI | b CONFIG GET maxmemory | b DEBUG SLEEP 0
      b CLIENT ID | b CLIENT LIST ID 99999 | b INFO none | b LASTSAVE | b ACL DELUSER u | b CLIENT PAUSE 0
      b CLIENT UNPAUSE | b MEMORY USAGE k | b ROLE | b LATENCY LATEST | b COMMAND INFO get | b SCRIPT EXISTS x
      b FUNCTION STATS | b OBJECT ENCODING k | b PUBSUB NUMPAT | b CONFIG SET masterauth ""
    `,
  },
  {
    title: "shows what waiting clients asked, once, and nothing of what is refused",
    masks: TIMES,
    lines: `
      a MONITOR | b& BLPOP q 0 | c LPUSH q 1 | b?1 | b& BLMOVE q w LEFT RIGHT 0 | c CLIENT UNBLOCK <b> | b?1
      c ACL SETUSER u on nopass +ping | b AUTH u x | b GET k | b PING | b? RESET | b GET k | c ACL DELUSER u
      c ACL LOG RESET | b SUBSCRIBE x | b GET k | b RESET
    `,
  },
  {
    title: "MONITOR is refused inside MULTI and in scripts",
    masks: TIMES,
    lines: `
      a MULTI; MONITOR; EXEC | a EVAL return·redis.call('monitor') 0 | a MONITOR x | a MULTI; PING; MONITOR; EXEC
      a HELLO 3 | a MONITOR | b PING | b HELLO 3 | a GET k | b GET k
    `,
  },
  {
    title: "renamed commands are hidden no less",
    directives: ["--rename-command", "AUTH", "LETMEIN", "--rename-command", "FLUSHDB", ""],
    masks: TIMES,
    lines: `
      a MONITOR | b LETMEIN x | b AUTH x | b FLUSHDB | b GET k
    `,
  },
];
