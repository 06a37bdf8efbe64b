/**
 * A typed line as words, by redis-cli's rules: blanks part words; in double quotes \n \r \t \a \b, \xHH and escaped
 * characters mean what they say; in single quotes only \' does. A closing quote ends its word.
 */

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["a", "\u0007"],
  ["b", "\b"],
]);

const BLANK = /\s/;

/** Undefined where quotes do not match up. Words are bytes: \xff is one. */
export function commandWords(line: string): readonly Buffer[] | undefined {
  const words: Buffer[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && BLANK.test(line.charAt(at))) at += 1;
    if (at >= line.length) return words;
    const word = readWord(line, at);
    if (word === undefined) return undefined;
    words.push(Buffer.concat(word.parts));
    at = word.end;
  }
}

interface Piece {
  readonly parts: readonly Buffer[];
  readonly end: number;
}

function readWord(line: string, start: number): Piece | undefined {
  const parts: Buffer[] = [];
  let at = start;
  while (at < line.length && !BLANK.test(line.charAt(at))) {
    const quote = line.charAt(at);
    if (quote === '"' || quote === "'") {
      const quoted = quote === '"' ? readDoubleQuoted(line, at + 1) : readSingleQuoted(line, at + 1);
      if (quoted === undefined) return undefined;
      const isAtEnd = quoted.end >= line.length || BLANK.test(line.charAt(quoted.end));
      return isAtEnd ? { parts: [...parts, ...quoted.parts], end: quoted.end } : undefined;
    }
    const character = String.fromCodePoint(line.codePointAt(at) ?? 0);
    parts.push(Buffer.from(character));
    at += character.length;
  }
  return { parts, end: at };
}

function readDoubleQuoted(line: string, start: number): Piece | undefined {
  const parts: Buffer[] = [];
  let at = start;
  while (at < line.length) {
    if (line.charAt(at) === '"') return { parts, end: at + 1 };
    const hexadecimal = /^\\x([0-9a-fA-F]{2})/.exec(line.slice(at, at + 4))?.[1];
    if (hexadecimal !== undefined) {
      parts.push(Buffer.from([Number.parseInt(hexadecimal, 16)]));
      at += 4;
      continue;
    }
    const isEscape = line.charAt(at) === "\\" && at + 1 < line.length;
    const character = String.fromCodePoint(line.codePointAt(isEscape ? at + 1 : at) ?? 0);
    parts.push(Buffer.from(isEscape ? (ESCAPES.get(character) ?? character) : character));
    at += character.length + (isEscape ? 1 : 0);
  }
  return undefined;
}

function readSingleQuoted(line: string, start: number): Piece | undefined {
  let text = "";
  let at = start;
  while (at < line.length) {
    if (line.charAt(at) === "'") return { parts: [Buffer.from(text)], end: at + 1 };
    if (line.startsWith("\\'", at)) at += 1;
    text += line.charAt(at);
    at += 1;
  }
  return undefined;
}
