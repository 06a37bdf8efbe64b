/** Where replies differ from redis-server 7.0.15 on purpose, each with its reason: the documented exceptions. */

import type { Normaliser } from "./differential.ts";

function bulk(text: string): Buffer {
  return Buffer.from(`$${text.length}\r\n${text}\r\n`);
}

const SMALL_COLLECTIONS: readonly Buffer[] = [bulk("quicklist"), bulk("hashtable")];

export const KNOWN_DIFFERENCES: readonly Normaliser[] = [
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
