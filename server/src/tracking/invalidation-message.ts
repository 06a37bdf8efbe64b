/** The messages of client-side caching, as https://redis.io/docs/latest/develop/reference/client-side-caching/ describes them. */

/** Subscribers in RESP2 get invalidations as messages of this channel. */
const CHANNEL = "__redis__:invalidate";
const LINE_END = Buffer.from("\r\n");

/** A push; `keys` undefined: all that the client has may be stale. */
export function invalidationPush(keys: readonly Buffer[] | undefined): Buffer {
  return Buffer.concat([Buffer.from(">2\r\n$10\r\ninvalidate\r\n"), ...(keys === undefined ? [NULL] : arrayOf(keys))]);
}

/** The same for a subscriber in RESP2. `ofProtocol`: of the client that has read the keys, which decides how nothing is written. */
export function invalidationMessage(keys: readonly Buffer[] | undefined, ofProtocol: 2 | 3): Buffer {
  const head = Buffer.from(`*3\r\n$7\r\nmessage\r\n$${CHANNEL.length}\r\n${CHANNEL}\r\n`);
  const nothing = ofProtocol === 3 ? NULL : NULL_BULK;
  return Buffer.concat([head, ...(keys === undefined ? [nothing] : arrayOf(keys))]);
}

export function brokenRedirectPush(redirect: number): Buffer {
  return Buffer.from(`>2\r\n$21\r\ntracking-redir-broken\r\n:${redirect}\r\n`);
}

const NULL = Buffer.from("_\r\n");
const NULL_BULK = Buffer.from("$-1\r\n");

function arrayOf(keys: readonly Buffer[]): Buffer[] {
  return [
    Buffer.from(`*${keys.length}\r\n`),
    ...keys.flatMap((key) => [Buffer.from(`$${key.length}\r\n`), key, LINE_END]),
  ];
}
