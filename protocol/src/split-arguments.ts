/**
 * Words of a configuration line (and of an inline command) under Redis' quoting rules: words are separated by blanks;
 * "double quotes" know \n \r \t \b \a \xHH and \any; 'single quotes' know only \'; a closing quote must be followed by
 * a blank or the end.
 */

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };
/** As C takes them: a byte above ASCII is none, whatever character it would be. */
const BLANK = /[ \t\n\v\f\r\0]/;
/** Of the blanks, those that end a word that has begun: the others belong to it. */
const WORD_END = /[ \t\n\r\0]/;

/** What the letters of a line are: characters, or bytes. */
type Letters = "utf8" | "latin1";

/** The words of `line`, or undefined if its quotes do not balance. */
export function splitArguments(line: string, letters: Letters = "utf8"): string[] | undefined {
  const words: string[] = [];
  let position = 0;
  while (position < line.length) {
    if (BLANK.test(line[position] as string)) {
      position++;
      continue;
    }
    const word = readWord(line, position, letters);
    if (word === undefined) return undefined;
    words.push(word.text);
    position = word.end;
  }
  return words;
}

interface Piece {
  readonly text: string;
  readonly end: number;
}

function readWord(line: string, start: number, letters: Letters): Piece | undefined {
  let text = "";
  let position = start;
  while (position < line.length) {
    const character = line[position] as string;
    if (WORD_END.test(character)) break;
    if (character === '"' || character === "'") {
      const quoted =
        character === '"' ? readDoubleQuoted(line, position + 1, letters) : readSingleQuoted(line, position + 1);
      if (quoted === undefined) return undefined;
      const isClosedWord = quoted.end >= line.length || BLANK.test(line[quoted.end] as string);
      return isClosedWord ? { text: text + quoted.text, end: quoted.end } : undefined;
    }
    text += character;
    position++;
  }
  return { text, end: position };
}

function readDoubleQuoted(line: string, start: number, letters: Letters): Piece | undefined {
  const bytes: Buffer[] = [];
  let position = start;
  while (position < line.length) {
    const character = line[position] as string;
    const hex = /^\\x([0-9a-fA-F]{2})/.exec(line.slice(position, position + 4));
    if (hex !== null) {
      bytes.push(Buffer.from(hex[1] as string, "hex"));
      position += 4;
    } else if (character === "\\" && position + 1 < line.length) {
      const escaped = line[position + 1] as string;
      bytes.push(Buffer.from(ESCAPES[escaped] ?? escaped, letters));
      position += 2;
    } else if (character === '"') {
      return { text: Buffer.concat(bytes).toString(letters), end: position + 1 };
    } else {
      const point = String.fromCodePoint(line.codePointAt(position) as number);
      bytes.push(Buffer.from(point, letters));
      position += point.length;
    }
  }
  return undefined;
}

function readSingleQuoted(line: string, start: number): Piece | undefined {
  let text = "";
  let position = start;
  while (position < line.length) {
    if (line.startsWith("\\'", position)) {
      text += "'";
      position += 2;
    } else if (line[position] === "'") {
      return { text, end: position + 1 };
    } else {
      text += line[position];
      position++;
    }
  }
  return undefined;
}
