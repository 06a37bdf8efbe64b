/** Messages between connections: channels, patterns, shard channels, in both protocols and across leaving and RESET. */

import type { Conversation } from "../conversation.ts";

/** a speaks RESP2, b RESP3, p publishes. */
export const PUBLISH_SUBSCRIBE: readonly Conversation[] = [
  {
    title: "channels: subscribed twice, left one by one and all at once",
    lines: `
      b HELLO 3 | a SUBSCRIBE x | a SUBSCRIBE x y x | b SUBSCRIBE x | p PUBLISH x 1 | p PUBLISH y 2 | p PUBLISH none 3
      p PUBSUB CHANNELS x | p PUBSUB NUMSUB x y none | p PUBSUB NUMPAT | a UNSUBSCRIBE none | a UNSUBSCRIBE x none x
      p PUBLISH x 4 | a UNSUBSCRIBE | a UNSUBSCRIBE | b UNSUBSCRIBE | b UNSUBSCRIBE | p PUBSUB NUMSUB
      p PUBSUB NUMSUB x | p PUBLISH x "" | a SUBSCRIBE "" | p PUBLISH "" empty | a GET k
    `,
  },
  {
    title: "patterns: globs, several that match, patterns beside channels",
    lines: String.raw`
      b HELLO 3 | a PSUBSCRIBE n* | b PSUBSCRIBE [mn]ew? | b SUBSCRIBE news | p PUBLISH news hi
      a PSUBSCRIBE x* n* ne* | p PUBSUB NUMPAT | p PUBSUB CHANNELS | p PUBSUB CHANNELS n* | p PUBSUB CHANNELS x*
      a PUNSUBSCRIBE ne* | p PUBLISH news again | a PUNSUBSCRIBE none | a PUNSUBSCRIBE n?ws n?ws | b PUNSUBSCRIBE
      p PUBLISH news 3 | b UNSUBSCRIBE | p PUBSUB NUMPAT | a RESET | p PUBSUB NUMPAT | a PUNSUBSCRIBE
      b PUNSUBSCRIBE a b | a PSUBSCRIBE h\llo* | p PUBLISH hllo 1 | p PUBLISH hello 1
    `,
  },
  {
    title: "shard channels are another kind",
    lines: `
      b HELLO 3 | a SSUBSCRIBE x | a SUBSCRIBE x | b SSUBSCRIBE x y | p SPUBLISH x 1 | p PUBLISH x 2
      p PUBSUB SHARDCHANNELS x* | p PUBSUB SHARDNUMSUB | p PUBSUB SHARDNUMSUB x y none | p PUBSUB CHANNELS
      a SUNSUBSCRIBE none | a SUNSUBSCRIBE | a SUNSUBSCRIBE | b SUNSUBSCRIBE y | p SPUBLISH y 1 | b SUNSUBSCRIBE
      p SPUBLISH x 1 | a PSUBSCRIBE x* | p SPUBLISH x 1 | p PUBSUB SHARDCHANNELS
    `,
  },
  {
    title: "what a subscriber may say, in RESP2 and in RESP3",
    lines: `
      a SUBSCRIBE x | a GET k | a get k | a CLIENT ID | a ECHO x | a PING | a PING x | a PUBLISH x 1 | a MULTI
      a HELLO 3 | a? RESET | a GET k | b HELLO 3 | b SUBSCRIBE x | b GET k | b PING | b PING x | b PUBLISH x 1
      b MULTI; PUBLISH x 2; EXEC | b HELLO 2 | b GET k | b HELLO 3 | b GET k | b EVAL return·1 0 | a SSUBSCRIBE y
      a GET k | a PING | a$ QUIT
    `,
  },
  {
    title: "subscribing inside a transaction",
    lines: `
      b HELLO 3 | b MULTI; SUBSCRIBE x; PING; PSUBSCRIBE y*; EXEC | p PUBLISH x 1
      p MULTI; PUBLISH x 2; PUBLISH yy 3; EXEC | b MULTI; UNSUBSCRIBE x; PUNSUBSCRIBE; EXEC
      a MULTI; SUBSCRIBE x; PING; GET k; EXEC | p PUBLISH x 1 | b MULTI; SSUBSCRIBE z; SUNSUBSCRIBE z; EXEC
      b MULTI; SUBSCRIBE x; PUBLISH x own; SET k 1; EXEC
    `,
  },
  {
    title: "scripts publish, and may not subscribe",
    lines: `
      b HELLO 3 | a SUBSCRIBE x | b SUBSCRIBE x | p EVAL return·redis.call('publish','x','1') 0
      p EVAL return·redis.call('subscribe','x') 0 | p EVAL return·redis.pcall('psubscribe','x') 0
      p EVAL return·redis.call('spublish','x','1') 0 | p EVAL_RO return·redis.call('publish','x','1') 0
    `,
  },
  {
    title: "who is closed is subscribed no more",
    lines: `
      a SUBSCRIBE x | a PSUBSCRIBE x* | a SSUBSCRIBE s | p PUBLISH x 1 | a! | p CLIENT KILL TYPE pubsub | a$
      p PUBLISH x 2 | p PUBSUB NUMPAT | p PUBSUB CHANNELS | p PUBSUB SHARDCHANNELS | p SPUBLISH s 1
    `,
  },
  {
    title: "keyspace events are messages",
    lines: `
      p CONFIG SET notify-keyspace-events KEA | a PSUBSCRIBE __key*@0__:* | p SET k 1 | p LPUSH l a b | p EXPIRE k 100
      p DEL k l none | p MULTI; INCR n; RENAME n m; EXEC | p SELECT 1 | p SET other 1
      p EVAL redis.call('set',KEYS[1],1) 1 s | p SELECT 0 | p EVAL redis.call('sadd',KEYS[1],1) 1 s
      p CONFIG SET notify-keyspace-events Kl | p LPUSH l a | p SET k 1 | p CONFIG GET notify-keyspace-events
      p CONFIG SET notify-keyspace-events x· | p CONFIG SET notify-keyspace-events gxE$lszhdtmKn
      p CONFIG GET notify-keyspace-events | p CONFIG SET notify-keyspace-events "" | p SET k 1
    `,
  },
  {
    title: "a user without channels",
    lines: `
      p ACL SETUSER mute on nopass ~* +@all resetchannels &free | a AUTH mute x | a SUBSCRIBE free | a UNSUBSCRIBE
      a SUBSCRIBE x | a SUBSCRIBE free x | a PSUBSCRIBE free | a PSUBSCRIBE f* | a PUNSUBSCRIBE | a RESET
      a AUTH mute x | a PUBLISH free 1 | a PUBLISH x 1 | a SPUBLISH free 1 | a SPUBLISH x 1
      a MULTI; PUBLISH x 1; EXEC | a EVAL return·redis.call('publish','x','1') 0
      a EVAL return·redis.pcall('publish','x','1') 0 | a RESET | p ACL DELUSER mute | p ACL LOG RESET
    `,
  },
];
