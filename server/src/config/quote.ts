/** Words in double quotes that read back as themselves: in rewritten files, in the lines of MONITOR. */

const NAMED_ESCAPES: Readonly<Record<number, string>> = {
  34: '\\"',
  92: "\\\\",
  10: "\\n",
  13: "\\r",
  9: "\\t",
  7: "\\a",
  8: "\\b",
};

/** `bytes` in double quotes, those outside printable ASCII as \xHH. */
export function quoteBytes(bytes: Buffer): string {
  let quoted = "";
  for (const byte of bytes) {
    const isPrintable = byte >= 0x20 && byte < 0x7f;
    quoted +=
      NAMED_ESCAPES[byte] ?? (isPrintable ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`);
  }
  return `"${quoted}"`;
}

export function quoteArgument(word: string): string {
  return quoteBytes(Buffer.from(word));
}
