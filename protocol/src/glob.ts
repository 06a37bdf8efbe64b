/**
 * Glob patterns of KEYS, SCAN MATCH, PSUBSCRIBE and CONFIG GET, byte by byte, with every quirk of Redis' matcher:
 * `*`, `?`, `[abc]`, `[^a-z]`, `\` as escape; an unclosed class ends with the pattern; byte ranges compare as signed
 * bytes; an escaped byte in a class ignores `nocase`; an empty text matches only an empty pattern.
 *
 * Only the last `*` is ever widened: once the part after a later star fits nowhere, a longer match of an earlier one
 * cannot help. So the cost is at most pattern x text, without recursion, whatever a client sends.
 */

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const CARET = 0x5e;
const DASH = 0x2d;

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte;
}

function isSame(left: number, right: number, nocase: boolean): boolean {
  return left === right || (nocase && lower(left) === lower(right));
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}

function isInRange(from: number, to: number, byte: number, nocase: boolean): boolean {
  let low = signed(from);
  let high = signed(to);
  if (low > high) [low, high] = [high, low];
  const value = signed(byte);
  return nocase ? lower(value) >= lower(low) && lower(value) <= lower(high) : value >= low && value <= high;
}

/** Matches `byte` against the class that opens at `at`; the position of its last byte, negated (bitwise) on mismatch. */
function matchClass(pattern: Uint8Array, at: number, end: number, byte: number, nocase: boolean): number {
  let position = at + 1;
  const isNegated = position < end && pattern[position] === CARET;
  if (isNegated) position++;
  let isMatch = false;
  while (position < end && pattern[position] !== CLOSE) {
    const current = pattern[position] as number;
    const left = end - position;
    if (left >= 2 && current === BACKSLASH) {
      position++;
      if (pattern[position] === byte) isMatch = true;
    } else if (left >= 3 && pattern[position + 1] === DASH) {
      if (isInRange(current, pattern[position + 2] as number, byte, nocase)) isMatch = true;
      position += 2;
    } else if (isSame(current, byte, nocase)) {
      isMatch = true;
    }
    position++;
  }
  const last = position < end ? position : end - 1;
  return isMatch === isNegated ? ~last : last;
}

/** Matches one element (not a star) of the pattern; the position of its last byte, negated (bitwise) on mismatch. */
function matchOne(pattern: Uint8Array, at: number, end: number, byte: number, nocase: boolean): number {
  const current = pattern[at] as number;
  if (current === QUESTION) return at;
  if (current === OPEN) return matchClass(pattern, at, end, byte, nocase);
  const literal = current === BACKSLASH && end - at >= 2 ? at + 1 : at;
  return isSame(pattern[literal] as number, byte, nocase) ? literal : ~literal;
}

export function globMatch(
  pattern: Uint8Array,
  patternOffset: number,
  patternLength: number,
  text: Uint8Array,
  offset: number,
  length: number,
  nocase: boolean,
): boolean {
  if (length === 0) return patternLength === 0;
  const patternEnd = patternOffset + patternLength;
  const textEnd = offset + length;
  let at = patternOffset;
  let position = offset;
  let afterStar = -1;
  let starText = 0;
  while (position < textEnd) {
    let isMatch = false;
    if (at < patternEnd && pattern[at] === STAR) {
      at++;
      if (at === patternEnd) return true;
      afterStar = at;
      starText = position;
      continue;
    }
    if (at < patternEnd) {
      const last = matchOne(pattern, at, patternEnd, text[position] as number, nocase);
      isMatch = last >= 0;
      if (isMatch) at = last + 1;
    }
    if (isMatch) {
      position++;
    } else {
      if (afterStar < 0) return false;
      at = afterStar;
      starText++;
      position = starText;
    }
  }
  while (at < patternEnd && pattern[at] === STAR) at++;
  return at === patternEnd;
}

/** The same over whole buffers, for places where allocation does not matter. */
export function globMatchBuffer(pattern: Uint8Array, text: Uint8Array, nocase = false): boolean {
  return globMatch(pattern, 0, pattern.length, text, 0, text.length, nocase);
}
