/**
 * Encodes requests as RESP arrays of bulk strings: what clients send, what replicas are fed and what an AOF holds.
 * Not for the server's replies (reply-writer.ts).
 */

export type CommandArgument = string | number | bigint | Uint8Array;

/** One command as `*<n>` of bulk strings. Strings are encoded as UTF-8, numbers in decimal. */
export function encodeCommand(args: readonly CommandArgument[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, LINE_END);
  }
  return Buffer.concat(parts);
}

const LINE_END = Buffer.from("\r\n");
