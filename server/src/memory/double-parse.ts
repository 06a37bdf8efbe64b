/**
 * Reads floating-point numbers from text with the rules of C's strtod: decimal and hexadecimal forms, inf, infinity,
 * nan, either case. Two callers, two rules. A number proper (a score, an increment) must be the whole text without
 * leading space, may not be NaN, and may not overflow or vanish. The bound of a range is laxer, as in Redis: leading
 * space is skipped, an empty text is 0, a NUL ends the text, and too large a number is infinite.
 */

const INVALID = Number.NaN;
const SPACE = /^[ \t\n\v\f\r]*/;
const NUMBER =
  /^([+-]?)(?:(inf(?:inity)?)|(nan(?:\([0-9a-z_]*\))?)|0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p([+-]?\d+))?|((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))/i;
const EXACT_POWERS = Float64Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);

/** A whole number text; NaN if it is not one. */
export function parseDouble(bytes: Buffer, offset: number, length: number): number {
  const plain = parsePlain(bytes, offset, length);
  if (!Number.isNaN(plain)) return plain;
  const text = bytes.toString("latin1", offset, offset + length);
  const match = NUMBER.exec(text);
  if (match === null || match[0].length !== length) return INVALID;
  const value = numberOf(match);
  const isFiniteText = match[2] === undefined;
  if (isFiniteText && (Math.abs(value) === Number.POSITIVE_INFINITY || (value === 0 && hasNonzeroDigit(match)))) {
    return INVALID;
  }
  return value;
}

/** The bound of a range without its "(": NaN if it is not a number. */
export function parseBound(bytes: Buffer, offset: number, length: number): number {
  const plain = parsePlain(bytes, offset, length);
  if (!Number.isNaN(plain)) return plain;
  let text = bytes.toString("latin1", offset, offset + length);
  const nul = text.indexOf("\0");
  if (nul >= 0) text = text.slice(0, nul);
  if (text === "") return 0;
  const trimmed = text.replace(SPACE, "");
  const match = NUMBER.exec(trimmed);
  return match === null || match[0].length !== trimmed.length ? INVALID : numberOf(match);
}

/**
 * Up to 15 digits with a point anywhere: both the digits and the power of ten are exact doubles, so one division
 * rounds correctly. NaN means "use the slow way".
 */
function parsePlain(bytes: Buffer, offset: number, length: number): number {
  let at = offset;
  const end = offset + length;
  const negative = length > 0 && bytes[at] === 45;
  if (negative) at++;
  if (end - at > 16 || at === end) return INVALID;
  let value = 0;
  let digits = 0;
  let fraction = -1;
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === 46 && fraction < 0) fraction = digits;
    else if (byte >= 48 && byte <= 57) {
      value = value * 10 + byte - 48;
      digits++;
    } else return INVALID;
  }
  if (digits === 0 || digits > 15) return INVALID;
  if (fraction >= 0) value /= EXACT_POWERS[digits - fraction] as number;
  return negative ? -value : value;
}

function numberOf(match: RegExpExecArray): number {
  const sign = match[1] === "-" ? -1 : 1;
  if (match[2] !== undefined) return sign * Number.POSITIVE_INFINITY;
  if (match[3] !== undefined) return INVALID;
  if (match[4] !== undefined) return sign * hexadecimal(match[4], match[5]);
  return sign * Number(match[6]);
}

function hexadecimal(mantissa: string, power: string | undefined): number {
  const point = mantissa.indexOf(".");
  const digits = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1);
  const exponent = Number(power ?? 0) - (point < 0 ? 0 : 4 * (mantissa.length - point - 1));
  let value = Number(BigInt(`0x${digits}`));
  // In steps, because 2^exponent alone may leave the range of doubles when the product does not.
  let rest = Math.max(-4400, Math.min(4400, exponent));
  for (; rest > 1000; rest -= 1000) value *= 2 ** 1000;
  for (; rest < -1000; rest += 1000) value *= 2 ** -1000;
  return value * 2 ** rest;
}

function hasNonzeroDigit(match: RegExpExecArray): boolean {
  return match[4] !== undefined ? /[1-9a-f]/i.test(match[4]) : /^[0.]*[1-9]/.test(match[6] as string);
}
