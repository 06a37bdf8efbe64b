/** Where replies differ from redis-server 7.0.15 on purpose, each with its reason: the documented exceptions. */

import type { Normaliser } from "./differential.ts";

function bulk(text: string): Buffer {
  return Buffer.from(`$${text.length}\r\n${text}\r\n`);
}

const SMALL_COLLECTIONS: readonly Buffer[] = [bulk("quicklist"), bulk("hashtable")];

/** Columns of COMMAND INFO that Redis changed after 7.0.15, so that ours are those of 7.4. */
export interface MetadataDifference {
  readonly command: string;
  readonly column: "arity" | "flags" | "categories" | "tips" | "keys" | "arguments" | "deprecated_since" | "doc_flags";
  readonly reason: string;
}

export const METADATA_DIFFERENCES: readonly MetadataDifference[] = [
  { command: "bitop", column: "arguments", reason: "the operation is a choice of tokens, as 7.2 says" },
  { command: "client|kill", column: "arguments", reason: "MAXAGE came with 7.4" },
  { command: "client|list", column: "arguments", reason: "a block of one argument, in 7.0 only" },
  { command: "cluster|info", column: "flags", reason: "asked for while data is loaded, as in Valkey 8" },
  { command: "cluster|keyslot", column: "flags", reason: "asked for while data is loaded, as in Valkey 8" },
  { command: "cluster|links", column: "flags", reason: "asked for while data is loaded, as in Valkey 8" },
  { command: "cluster|myid", column: "flags", reason: "asked for while data is loaded, as in Valkey 8" },
  { command: "cluster|nodes", column: "flags", reason: "asked for while data is loaded, as in Valkey 8" },
  { command: "cluster|shards", column: "flags", reason: "asked for while data is loaded, as in Valkey 8" },
  { command: "cluster|slots", column: "flags", reason: "asked for while data is loaded, as in Valkey 8" },
  { command: "command|getkeys", column: "arguments", reason: "documented since 7.2" },
  { command: "command|getkeysandflags", column: "arguments", reason: "documented since 7.2" },
  { command: "config|get", column: "arguments", reason: "a block of one argument, in 7.0 only" },
  { command: "config|resetstat", column: "tips", reason: "has tips since 7.2" },
  { command: "debug", column: "arguments", reason: "Redis documents none" },
  { command: "failover", column: "arguments", reason: "host and port of the target are a block of their own here" },
  { command: "geohash", column: "arguments", reason: "members are optional since 7.2" },
  { command: "geopos", column: "arguments", reason: "members are optional since 7.2" },
  { command: "georadius", column: "arguments", reason: "STORE and STOREDIST are one choice since 7.2" },
  { command: "georadiusbymember", column: "arguments", reason: "STORE and STOREDIST are one choice since 7.2" },
  { command: "geosearch", column: "arguments", reason: "width and height are a block of their own here" },
  { command: "geosearchstore", column: "arguments", reason: "width and height are a block of their own here" },
  { command: "hscan", column: "arguments", reason: "NOVALUES came with 7.4" },
  { command: "migrate", column: "arguments", reason: "the choices of key and of authentication have other names here" },
  { command: "module|loadex", column: "arguments", reason: "one argument repeated, where Redis has a block of it" },
  { command: "move", column: "keys", reason: "the key is deleted, as 7.2 says" },
  { command: "pfmerge", column: "arguments", reason: "the sources are optional, as 7.2 says" },
  { command: "psubscribe", column: "arguments", reason: "a block of one argument, in 7.0 only" },
  { command: "quit", column: "deprecated_since", reason: "deprecated since 7.2" },
  { command: "quit", column: "doc_flags", reason: "deprecated since 7.2" },
  { command: "wait", column: "flags", reason: "blocking, and allowed in scripts, since 7.2" },
  { command: "wait", column: "categories", reason: "blocking since 7.2" },
  { command: "xinfo|stream", column: "arguments", reason: "the count is a part of a block without a token here" },
  { command: "zrank", column: "arity", reason: "WITHSCORE came with 7.2" },
  { command: "zrank", column: "arguments", reason: "WITHSCORE came with 7.2" },
  { command: "zrevrank", column: "arity", reason: "WITHSCORE came with 7.2" },
  { command: "zrevrank", column: "arguments", reason: "WITHSCORE came with 7.2" },
  { command: "sort", column: "arguments", reason: "that patterns name keys of the second specification is not told" },
  {
    command: "sort_ro",
    column: "arguments",
    reason: "that patterns name keys of the second specification is not told",
  },
];

const ACL_DIFFERENCES: readonly Normaliser[] = [
  ...["acl getuser", "acl list"].map((command) => ({
    command,
    reason: "commands are described by the rules given, not by what followed from them",
    normalise: (reply: Buffer) =>
      Buffer.from(
        reply
          .toString("latin1")
          .replace(/[+-]@all[^()\r]*/g, "commands")
          .replace(/\$\d+/g, "$"),
      ),
  })),
  {
    command: "acl log",
    reason: "ids and times are newer than 7.0; ages, ids and addresses of clients differ",
    normalise: (reply) =>
      Buffer.from(
        reply
          .toString("latin1")
          .replace(/\*20\r\n|\*14\r\n|%10\r\n|%7\r\n/g, "map ")
          .replace(/\$8\r\nentry-id\r\n:\d+\r\n/g, "")
          .replace(/\$(17|22)\r\ntimestamp-(created|last-updated)\r\n:\d+\r\n/g, "")
          .replace(/age-seconds\r\n(\$\d+\r\n|,)[\d.e-]+/g, "age")
          .replace(/\$\d+\r\nid=[^\r]* (cmd=[^ ]+ user=[^ ]+) [^\r]*/g, "$1"),
      ),
  },
];

export const KNOWN_DIFFERENCES: readonly Normaliser[] = [
  ...ACL_DIFFERENCES,
  {
    command: "object encoding",
    reason: "small lists and sets are listpacks, as in Redis 7.2; 7.0 has quicklists and hashtables from the start",
    normalise: (reply) => (SMALL_COLLECTIONS.some((bytes) => bytes.equals(reply)) ? bulk("listpack") : reply),
  },
  {
    command: "object encoding",
    reason: "a whole number that INCRBYFLOAT wrote is an int here at once, in Redis after the next load of the file",
    normalise: (reply) => (reply.equals(bulk("embstr")) ? bulk("int") : reply),
  },
  {
    command: "hello",
    reason: "names the version and the connection",
    normalise: () => Buffer.alloc(0),
  },
];
