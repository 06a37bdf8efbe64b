/** What came to commands after their first version, and what is better used today: the history and the advice of COMMAND DOCS. */

export type HistoryEntry = readonly [version: string, change: string];

export interface Deprecation {
  readonly since: string;
  readonly replacedBy: string;
}

const SEVERAL_SINCE_2_4: readonly HistoryEntry[] = [["2.4.0", "Takes more than one."]];
const SEVERAL_SINCE_4_0: readonly HistoryEntry[] = [["4.0.0", "Takes more than one."]];
const FRACTIONS: readonly HistoryEntry[] = [["6.0.0", "The timeout may have fractions."]];
const CONDITIONS: readonly HistoryEntry[] = [["7.0.0", "`NX`, `XX`, `GT` and `LT`."]];
const NO_KEY: readonly HistoryEntry[] = [["2.8.0", "Answers -2 where there is no key."]];
const COUNTED: readonly HistoryEntry[] = [["6.2.0", "The count."]];
const FLUSH_MODES: readonly HistoryEntry[] = [
  ["4.0.0", "`ASYNC`."],
  ["6.2.0", "`SYNC`."],
];
const UNITS: readonly HistoryEntry[] = [["7.0.0", "Units in capital letters."]];
const EXCLUSIVE_IDS: readonly HistoryEntry[] = [["6.2.0", "Bounds that are not part of the range."]];
const RESTORE: readonly HistoryEntry[] = [
  ["3.0.0", "`REPLACE`."],
  ["5.0.0", "`ABSTTL`."],
  ["5.0.0", "`IDLETIME` and `FREQ`."],
];
const RANKED: readonly HistoryEntry[] = [["7.2.0", "`WITHSCORE`."]];

/** By full name, `config|get` for a subcommand. */
export const COMMAND_HISTORY: Readonly<Record<string, readonly HistoryEntry[]>> = {
  "acl|getuser": [
    ["6.2.0", "Patterns of channels."],
    ["7.0.0", "Selectors; patterns of keys and channels as rules."],
  ],
  "acl|setuser": [
    ["6.2.0", "Patterns of channels."],
    ["7.0.0", "Selectors, and separate permissions to read and to write keys."],
  ],
  auth: [["6.0.0", "The name of a user."]],
  bgsave: [["3.2.2", "`SCHEDULE`."]],
  bitcount: [["7.0.0", "`BYTE` and `BIT`."]],
  bitpos: [["7.0.0", "`BYTE` and `BIT`."]],
  blpop: FRACTIONS,
  brpop: FRACTIONS,
  brpoplpush: FRACTIONS,
  bzpopmax: FRACTIONS,
  bzpopmin: FRACTIONS,
  "client|kill": [
    ["2.8.12", "Filters."],
    ["2.8.12", "`ID`."],
    ["3.2.0", "`TYPE master`."],
    ["5.0.0", "`TYPE replica` in place of `slave`, which still works."],
    ["6.2.0", "`LADDR`."],
    ["7.4.0", "`MAXAGE`."],
  ],
  "client|list": [
    ["2.8.12", "The field `id`."],
    ["5.0.0", "`TYPE`."],
    ["6.0.0", "The field `user`."],
    ["6.2.0", "The fields `argv-mem`, `tot-mem`, `laddr` and `redir`, and `ID`."],
    ["7.0.0", "The fields `resp`, `multi-mem`, `rbs` and `rbp`."],
    ["7.0.3", "The field `ssub`."],
  ],
  "client|pause": [["6.2.0", "`WRITE`."]],
  "cluster|meet": [["4.0.0", "The port of the bus."]],
  "cluster|slots": [
    ["4.0.0", "Node IDs."],
    ["7.0.0", "More ways to reach a node."],
  ],
  "command|info": [["7.0.0", "All commands, where no name is given."]],
  "config|get": [["7.0.0", "Takes more than one pattern."]],
  "config|set": [["7.0.0", "Sets several directives at once."]],
  exists: [["3.0.3", "Takes more than one key."]],
  expire: CONDITIONS,
  expireat: CONDITIONS,
  flushall: FLUSH_MODES,
  flushdb: FLUSH_MODES,
  geoadd: [["6.2.0", "`CH`, `NX` and `XX`."]],
  georadius: [["6.2.0", "`ANY` after `COUNT`."], ...UNITS],
  georadius_ro: [["6.2.0", "`ANY` after `COUNT`."]],
  georadiusbymember: UNITS,
  geosearch: UNITS,
  geosearchstore: UNITS,
  hdel: SEVERAL_SINCE_2_4,
  hello: [["6.2.0", "The version may be left out."]],
  hset: SEVERAL_SINCE_4_0,
  info: [["7.0.0", "Takes more than one section."]],
  lpop: COUNTED,
  lpush: SEVERAL_SINCE_2_4,
  lpushx: SEVERAL_SINCE_4_0,
  migrate: [
    ["3.0.0", "`COPY` and `REPLACE`."],
    ["3.0.6", "`KEYS`."],
    ["4.0.7", "`AUTH`."],
    ["6.0.0", "`AUTH2`."],
  ],
  pexpire: CONDITIONS,
  pexpireat: CONDITIONS,
  pttl: NO_KEY,
  renamenx: [["3.2.0", "The same name twice is no error."]],
  restore: RESTORE,
  "restore-asking": RESTORE,
  rpop: COUNTED,
  rpush: SEVERAL_SINCE_2_4,
  rpushx: SEVERAL_SINCE_4_0,
  sadd: SEVERAL_SINCE_2_4,
  scan: [["6.0.0", "`TYPE`."]],
  "script|flush": [["6.2.0", "`ASYNC` and `SYNC`."]],
  set: [
    ["2.6.12", "`EX`, `PX`, `NX` and `XX`."],
    ["6.0.0", "`KEEPTTL`."],
    ["6.2.0", "`GET`, `EXAT` and `PXAT`."],
    ["7.0.0", "`NX` and `GET` together."],
  ],
  shutdown: [["7.0.0", "`NOW`, `FORCE` and `ABORT`."]],
  "slowlog|get": [["4.0.0", "Address and name of the client."]],
  spop: [["3.2.0", "The count."]],
  srandmember: [["2.6.0", "The count."]],
  srem: SEVERAL_SINCE_2_4,
  ttl: NO_KEY,
  xadd: [
    ["6.2.0", "`NOMKSTREAM`, `MINID` and `LIMIT`."],
    ["7.0.0", "IDs such as `1526919030474-*`."],
  ],
  xautoclaim: [["7.0.0", "Tells which entries were gone."]],
  "xgroup|create": [["7.0.0", "`ENTRIESREAD`."]],
  "xgroup|setid": [["7.0.0", "`ENTRIESREAD`."]],
  "xinfo|consumers": [["7.2.0", "The field `inactive`."]],
  "xinfo|groups": [["7.0.0", "The fields `entries-read` and `lag`."]],
  "xinfo|stream": [
    ["6.0.0", "`FULL`."],
    [
      "7.0.0",
      "The fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag`.",
    ],
    ["7.2.0", "When a consumer was last active."],
  ],
  xpending: [["6.2.0", "`IDLE`, and bounds that are not part of the range."]],
  xrange: EXCLUSIVE_IDS,
  xrevrange: EXCLUSIVE_IDS,
  xsetid: [["7.0.0", "`ENTRIESADDED` and `MAXDELETEDID`."]],
  xtrim: [["6.2.0", "`MINID` and `LIMIT`."]],
  zadd: [
    ["2.4.0", "Takes more than one."],
    ["3.0.2", "`XX`, `NX`, `CH` and `INCR`."],
    ["6.2.0", "`GT` and `LT`."],
  ],
  zrange: [["6.2.0", "`REV`, `BYSCORE`, `BYLEX` and `LIMIT`."]],
  zrangebyscore: [["2.0.0", "`WITHSCORES`."]],
  zrank: RANKED,
  zrem: SEVERAL_SINCE_2_4,
  zrevrangebyscore: [["2.1.6", "Bounds that are not part of the range."]],
  zrevrank: RANKED,
};

export const DEPRECATIONS: Readonly<Record<string, Deprecation>> = {
  brpoplpush: { since: "6.2.0", replacedBy: "`BLMOVE` from `RIGHT` to `LEFT`" },
  "cluster|slaves": { since: "5.0.0", replacedBy: "`CLUSTER REPLICAS`" },
  "cluster|slots": { since: "7.0.0", replacedBy: "`CLUSTER SHARDS`" },
  georadius: { since: "6.2.0", replacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS`" },
  georadius_ro: { since: "6.2.0", replacedBy: "`GEOSEARCH` with `BYRADIUS`" },
  georadiusbymember: {
    since: "6.2.0",
    replacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS` and `FROMMEMBER`",
  },
  georadiusbymember_ro: { since: "6.2.0", replacedBy: "`GEOSEARCH` with `BYRADIUS` and `FROMMEMBER`" },
  getset: { since: "6.2.0", replacedBy: "`SET` with `GET`" },
  hmset: { since: "4.0.0", replacedBy: "`HSET`" },
  quit: { since: "7.2.0", replacedBy: "closing the connection" },
  rpoplpush: { since: "6.2.0", replacedBy: "`LMOVE` from `RIGHT` to `LEFT`" },
  slaveof: { since: "5.0.0", replacedBy: "`REPLICAOF`" },
  substr: { since: "2.0.0", replacedBy: "`GETRANGE`" },
  zrangebylex: { since: "6.2.0", replacedBy: "`ZRANGE` with `BYLEX`" },
  zrangebyscore: { since: "6.2.0", replacedBy: "`ZRANGE` with `BYSCORE`" },
  zrevrange: { since: "6.2.0", replacedBy: "`ZRANGE` with `REV`" },
  zrevrangebylex: { since: "6.2.0", replacedBy: "`ZRANGE` with `REV` and `BYLEX`" },
  zrevrangebyscore: { since: "6.2.0", replacedBy: "`ZRANGE` with `REV` and `BYSCORE`" },
};

/** Commands that servers send each other and that tests use. */
export const SYSTEM_COMMANDS: ReadonlySet<string> = new Set([
  ...["debug", "pfdebug", "pfselftest", "replconf", "restore-asking"],
]);
