/** One out-of-band message as bytes: a push in RESP3, an array in RESP2. */

const LINE_END = Buffer.from("\r\n");

export function encodeMessage(parts: readonly (string | Buffer | number)[], protocol: 2 | 3): Buffer {
  const pieces: Buffer[] = [Buffer.from(`${protocol === 3 ? ">" : "*"}${parts.length}\r\n`)];
  for (const part of parts) {
    if (typeof part === "number") {
      pieces.push(Buffer.from(`:${part}\r\n`));
      continue;
    }
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    pieces.push(Buffer.from(`$${bytes.length}\r\n`), bytes, LINE_END);
  }
  return Buffer.concat(pieces);
}
