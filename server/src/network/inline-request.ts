/**
 * Inline requests: a line of words, as one types them in telnet. Words may be quoted: "…" with escapes (\n \r \t \b \a \xHH),
 * '…' with \' only.
 */

/** What may stand between words, and the part of it that ends a word without quotes: C's isspace and Redis' own list. */
const SPACE = /[ \t\n\v\f\r]/;
const WORD_END = /[ \t\n\r]/;
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

/** The words of a line given as latin1, or undefined if its quotes are unbalanced. */
export function splitInlineRequest(line: string): string[] | undefined {
  const words: string[] = [];
  let i = 0;
  for (;;) {
    while (i < line.length && SPACE.test(line[i] as string)) i++;
    if (i >= line.length) return words;
    const word = readWord(line, i);
    if (word === undefined) return undefined;
    words.push(word.text);
    i = word.end;
  }
}

interface Word {
  readonly text: string;
  readonly end: number;
}

function readWord(line: string, start: number): Word | undefined {
  let text = "";
  let i = start;
  while (i < line.length && !WORD_END.test(line[i] as string)) {
    const quote = line[i] as string;
    if (quote !== '"' && quote !== "'") {
      text += quote;
      i++;
      continue;
    }
    const quoted = quote === '"' ? readDoubleQuoted(line, i + 1) : readSingleQuoted(line, i + 1);
    if (quoted === undefined) return undefined;
    const after = line[quoted.end];
    if (after !== undefined && !SPACE.test(after)) return undefined;
    return { text: text + quoted.text, end: quoted.end };
  }
  return { text, end: i };
}

function readDoubleQuoted(line: string, start: number): Word | undefined {
  let text = "";
  for (let i = start; i < line.length; i++) {
    const char = line[i] as string;
    if (char === '"') return { text, end: i + 1 };
    if (char !== "\\" || i + 1 >= line.length) {
      text += char;
      continue;
    }
    const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(i + 1, i + 4));
    if (hex !== null) {
      text += String.fromCharCode(Number.parseInt(hex[1] as string, 16));
      i += 3;
      continue;
    }
    const next = line[++i] as string;
    text += ESCAPES[next] ?? next;
  }
  return undefined;
}

function readSingleQuoted(line: string, start: number): Word | undefined {
  let text = "";
  for (let i = start; i < line.length; i++) {
    const char = line[i] as string;
    if (char === "'") return { text, end: i + 1 };
    if (char === "\\" && line[i + 1] === "'") {
      text += "'";
      i++;
    } else text += char;
  }
  return undefined;
}
