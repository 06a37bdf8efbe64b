/**
 * Finds whole commands in the bytes of an append-only file. It is stricter than the request parser: only RESP arrays of bulk
 * strings may stand there, and lines of annotations that begin with `#`.
 */

export type Scan =
  /** `buffer[start..end)` holds whole commands, at least one; what follows is looked at next. */
  | { readonly kind: "commands"; readonly end: number; readonly count: number }
  | { readonly kind: "annotation"; readonly end: number }
  /** More bytes are needed; surely up to this position. */
  | { readonly kind: "incomplete"; readonly needed: number }
  | { readonly kind: "damaged"; readonly position: number }
  | { readonly kind: "unknown command"; readonly position: number; readonly name: string };

const HASH = 35;
const ASTERISK = 42;
const DOLLAR = 36;
const CR = 13;
const LF = 10;
/** Enough for any length that a file can hold. */
const MOST_DIGITS = 15;
/** Commands handed over together: enough to be quick, few enough to let others have their turn. */
const MOST_COMMANDS = 256;

/** Tells whether there is such a command, by the bytes of its name. */
export type KnowsCommand = (bytes: Buffer, offset: number, length: number) => boolean;

export interface ScanOptions {
  readonly knows: KnowsCommand;
  readonly commandsAtOnce?: number;
}

export function scanFrames(buffer: Buffer, start: number, end: number, options: ScanOptions): Scan {
  const { knows, commandsAtOnce = MOST_COMMANDS } = options;
  if (start < end && buffer[start] === HASH) return scanAnnotation(buffer, start, end);
  const frame = { end: start, nameOffset: 0, nameLength: 0, problem: 0 };
  let position = start;
  let count = 0;
  while (position < end && count < commandsAtOnce && buffer[position] !== HASH) {
    if (!readFrame(buffer, position, end, frame)) {
      if (count > 0) break;
      if (frame.end < 0) return { kind: "damaged", position: frame.problem };
      return { kind: "incomplete", needed: frame.end };
    }
    if (!knows(buffer, frame.nameOffset, frame.nameLength)) {
      if (count > 0) break;
      const name = buffer.toString("latin1", frame.nameOffset, frame.nameOffset + frame.nameLength);
      return { kind: "unknown command", position, name };
    }
    position = frame.end;
    count++;
  }
  return count > 0 ? { kind: "commands", end: position, count } : { kind: "incomplete", needed: start + 1 };
}

function scanAnnotation(buffer: Buffer, start: number, end: number): Scan {
  const at = buffer.subarray(start, end).indexOf(LF);
  return at < 0 ? { kind: "incomplete", needed: end + 1 } : { kind: "annotation", end: start + at + 1 };
}

interface Frame {
  /** Behind the frame; if it is not whole, how far it surely goes; −1 if it is damaged. */
  end: number;
  nameOffset: number;
  nameLength: number;
  /** Where the damage is. */
  problem: number;
}

function readFrame(buffer: Buffer, start: number, end: number, frame: Frame): boolean {
  if (buffer[start] !== ASTERISK) return damaged(frame, start);
  const line = { value: 0, end: 0 };
  if (!readNumber(buffer, start + 1, end, line)) return partial(frame, line.end, start);
  const argc = line.value;
  if (argc < 1) return damaged(frame, start);
  let position = line.end;
  for (let i = 0; i < argc; i++) {
    if (position >= end) return partial(frame, position + 1, start);
    if (buffer[position] !== DOLLAR) return damaged(frame, position);
    if (!readNumber(buffer, position + 1, end, line)) return partial(frame, line.end, position);
    const behind = line.end + line.value;
    if (i === 0) {
      frame.nameOffset = line.end;
      frame.nameLength = line.value;
    }
    if (behind + 2 > end) return partial(frame, behind + 2, position);
    if (buffer[behind] !== CR || buffer[behind + 1] !== LF) return damaged(frame, behind);
    position = behind + 2;
  }
  frame.end = position;
  return true;
}

/**
 * False if the line is not whole (`end` is what it needs) or no number (`end` is −1). As for the parser of requests, to which the
 * command goes next, there are no leading zeros.
 */
function readNumber(buffer: Buffer, start: number, end: number, line: { value: number; end: number }): boolean {
  let value = 0;
  for (let p = start; p < end && p - start <= MOST_DIGITS; p++) {
    const byte = buffer[p] as number;
    if (byte === CR && p > start) {
      line.value = value;
      line.end = p + 2;
      if (p + 1 >= end) return false;
      if (buffer[p + 1] === LF) return true;
      break;
    }
    if (byte < 48 || byte > 57 || (value === 0 && p > start)) break;
    value = value * 10 + byte - 48;
    if (p + 1 === end) {
      line.end = end + 1;
      return false;
    }
  }
  line.end = start >= end ? end + 1 : -1;
  return false;
}

function partial(frame: Frame, needed: number, position: number): false {
  if (needed < 0) return damaged(frame, position);
  frame.end = needed;
  return false;
}

function damaged(frame: Frame, position: number): false {
  frame.end = -1;
  frame.problem = position;
  return false;
}
