/** MULTI, EXEC, DISCARD, WATCH and UNWATCH between connections. */

import type { Conversation } from "../conversation.ts";

export const TRANSACTIONS: readonly Conversation[] = [
  {
    title: "queued, run, given up, and used wrongly",
    lines: `
      a EXEC | a DISCARD | a UNWATCH | a MULTI; MULTI; EXEC | a MULTI; WATCH k; EXEC | a MULTI; EXEC
      a MULTI; DISCARD; EXEC | a MULTI; SET k 1; INCR k; GET k; EXEC | a MULTI; SET k x; INCR k; GET k; EXEC
      a MULTI; FOO; GET k; EXEC | a MULTI; GET; GET k; EXEC | a MULTI; GET k; FOO; EXEC; GET k | a MULTI x | a EXEC x
      a WATCH | a MULTI; UNWATCH; EXEC | a MULTI; PING; ECHO x; EXEC | a MULTI; SELECT 1; SET k other; EXEC; GET k
      a SELECT 0 | a GET k | a MULTI; BLPOP none 0; BRPOPLPUSH none k 0; EXEC
      a MULTI; LPUSH l a; BLPOP l 0; XREAD BLOCK 0 STREAMS s $; EXEC | a MULTI; FLUSHALL; SET k 1; EXEC
      a MULTI; SAVE; EXEC | a MULTI; SHUTDOWN; EXEC | a MULTI; SYNC; EXEC | a MULTI; RESET; GET k
      a MULTI; HELLO 3; GET none; HELLO 2; EXEC | a$ MULTI; QUIT
    `,
  },
  {
    title: "a watched key that others touch, or not",
    lines: `
      a SET k 1 | a WATCH k | b SET k 2 | a MULTI; GET k; EXEC | a WATCH k | b GET k | a MULTI; GET k; EXEC
      a WATCH k | a SET k 3 | a MULTI; GET k; EXEC | a WATCH k l m | b SET m 1 | a MULTI; PING; EXEC | a WATCH k
      a UNWATCH | b SET k 1 | a MULTI; GET k; EXEC | a WATCH k | b SELECT 1 | b SET k 1 | a MULTI; GET k; EXEC
      a WATCH k | b SWAPDB 0 1 | a MULTI; GET k; EXEC | b SWAPDB 0 1 | a WATCH none | b SWAPDB 0 1
      a MULTI; GET k; EXEC | b SWAPDB 0 1 | b SELECT 0 | a WATCH k | b FLUSHALL | a MULTI; PING; EXEC | a WATCH none
      b FLUSHALL | a MULTI; PING; EXEC | a SET k 1 | a WATCH k | b FLUSHDB | a MULTI; PING; EXEC | a SET k 1
      a WATCH k | b RENAME k other | a MULTI; PING; EXEC | a SET k 1 | a WATCH k | b EXPIRE k 100
      a MULTI; PING; EXEC | a WATCH k | b DEL none | b SADD s 1 | a MULTI; PING; EXEC | a WATCH s | b SADD s 1
      a MULTI; PING; EXEC | a WATCH s | b SREM s none | a MULTI; PING; EXEC | a WATCH z | b ZADD z 1 m
      a MULTI; PING; EXEC | a WATCH z | b ZADD z 1 m | a MULTI; PING; EXEC | a WATCH d | b SORT s STORE d
      a MULTI; PING; EXEC | a WATCH k | b EVAL redis.call('set',KEYS[1],2) 1 k | a MULTI; PING; EXEC | a WATCH k
      b MULTI; SET k 3; DISCARD | a MULTI; PING; EXEC | a WATCH k | b MULTI; SET k 3; EXEC | a MULTI; PING; EXEC
      a WATCH k | b DEBUG RELOAD | a MULTI; PING; EXEC
    `,
  },
  {
    title: "a watched key that expires",
    lines: `
      a DEBUG SET-ACTIVE-EXPIRE 0 | a SET k 1 PX 30 | a WATCH k | a DEBUG SLEEP 0.05 | a MULTI; PING; EXEC
      a SET k 1 PX 1 | a DEBUG SLEEP 0.01 | a WATCH k | a MULTI; PING; EXEC | a SET k 1 PX 1 | a DEBUG SLEEP 0.01
      a WATCH k | b GET k | a MULTI; PING; EXEC | a WATCH k | b SET k 1 | a MULTI; PING; EXEC
      a DEBUG SET-ACTIVE-EXPIRE 1
    `,
  },
  {
    title: "several transactions side by side, and waiting clients served behind one",
    lines: `
      a? MULTI | b? MULTI | a? SET k a | b? SET k b | a EXEC | c GET k | b EXEC | c GET k | a& BLPOP q 0
      b MULTI; LPUSH q 1; LPUSH q 2; LPOP q; EXEC | a?1 | a& BLPOP q 0 | b MULTI; LPUSH q 1; DEL q; EXEC | b LPUSH q 2
      a?1 | a& BLMOVE q w LEFT LEFT 0 | b MULTI; RPUSH q 1 2; SET other x; EXEC | a?1 | b LRANGE w 0 -1 | a? MULTI
      a? SET k 1 | a! | b CLIENT KILL ID <a> | a$ | b GET k
    `,
  },
  {
    title: "the memory limit refuses what is queued",
    directives: ["--maxmemory-policy", "noeviction"],
    lines: String.raw`
      a SET k v | a? MULTI | b CONFIG SET maxmemory 1 | a? SET k 1 | b CONFIG SET maxmemory 0 | a EXEC | a? MULTI
      a? SET k 1 | b CONFIG SET maxmemory 1 | a EXEC | a MULTI; GET k; EXEC | a GET k | a SET k 2 | a DEL none
      a EVAL return·redis.call('set',KEYS[1],1) 1 k | a EVAL return·redis.call('get',KEYS[1]) 1 k
      a EVAL #!lua·flags=allow-oom\nreturn·redis.call('set',KEYS[1],1) 1 k | a EVAL #!lua\nreturn·1 0
      a EVAL #!lua·flags=no-writes\nreturn·1 0 | b CONFIG SET maxmemory 0
    `,
  },
];
