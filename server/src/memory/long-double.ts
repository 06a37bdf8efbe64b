/**
 * Numbers with a 64-bit mantissa, the "long double" in which Redis adds INCRBYFLOAT and HINCRBYFLOAT increments.
 * A value is mantissa * 2^exponent, rounded half to even at every step, and prints with 17 decimals, zeros cut.
 * BigInt throughout: exactness matters here, speed does not.
 */

export interface LongDouble {
  readonly negative: boolean;
  /** Below 2^64; undefined means infinity. */
  readonly mantissa: bigint | undefined;
  readonly exponent: number;
}

const NUMBER =
  /^([+-]?)(?:(inf(?:inity)?)|0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p([+-]?\d+))?|(\d+\.?\d*|\.\d+)(?:e([+-]?\d+))?)$/i;
const LONGEST_TEXT = 5 * 1024;
const LARGEST_DECIMAL_EXPONENT = 4932;
const SMALLEST_DECIMAL_EXPONENT = -4951;
const LARGEST_BINARY_EXPONENT = 16384;
const SMALLEST_BINARY_EXPONENT = -16445;
const MANTISSA_LIMIT = 1n << 64n;
const DECIMALS = 17;
const DECIMAL_UNIT = 10n ** BigInt(DECIMALS);

/** Undefined if the text is no number, is NaN, overflows or vanishes. */
export function parseLongDouble(text: string): LongDouble | undefined {
  if (text.length === 0 || text.length >= LONGEST_TEXT) return undefined;
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const negative = match[1] === "-";
  if (match[2] !== undefined) return { negative, mantissa: undefined, exponent: 0 };
  return match[3] !== undefined
    ? parseHexadecimal(negative, match[3], match[4])
    : parseDecimal(negative, match[5] as string, match[6]);
}

export function addLongDouble(left: LongDouble, right: LongDouble): LongDouble | undefined {
  if (left.mantissa === undefined || right.mantissa === undefined) return undefined;
  const exponent = Math.min(left.exponent, right.exponent);
  const sum = signed(left, exponent) + signed(right, exponent);
  return round(sum < 0n, sum < 0n ? -sum : sum, 1n, exponent);
}

/** With 17 decimals, trailing zeros cut, as INCRBYFLOAT stores it. */
export function formatLongDouble(value: LongDouble): string {
  const { mantissa, exponent } = value;
  if (mantissa === undefined) return value.negative ? "-inf" : "inf";
  let scaled: bigint;
  if (exponent >= 0) scaled = (mantissa << BigInt(exponent)) * DECIMAL_UNIT;
  else scaled = divideToEven(mantissa * DECIMAL_UNIT, 1n << BigInt(-exponent));
  const digits = scaled.toString().padStart(DECIMALS + 1, "0");
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, "");
  const text = digits.slice(0, -DECIMALS) + (fraction === "" ? "" : `.${fraction}`);
  return value.negative && text !== "0" ? `-${text}` : text;
}

function parseDecimal(negative: boolean, digits: string, power: string | undefined): LongDouble | undefined {
  const point = digits.indexOf(".");
  const whole = point < 0 ? digits : digits.slice(0, point) + digits.slice(point + 1);
  const significant = whole.replace(/^0+/, "");
  if (significant === "") return { negative, mantissa: 0n, exponent: 0 };
  const exponent = Number(power ?? 0) - (point < 0 ? 0 : digits.length - point - 1);
  const magnitude = significant.length + exponent - 1;
  if (magnitude > LARGEST_DECIMAL_EXPONENT || magnitude < SMALLEST_DECIMAL_EXPONENT) return undefined;
  const number = BigInt(significant);
  return exponent >= 0
    ? round(negative, number * 10n ** BigInt(exponent), 1n, 0)
    : round(negative, number, 10n ** BigInt(-exponent), 0);
}

function parseHexadecimal(negative: boolean, digits: string, power: string | undefined): LongDouble | undefined {
  const point = digits.indexOf(".");
  const whole = point < 0 ? digits : digits.slice(0, point) + digits.slice(point + 1);
  const number = BigInt(`0x${whole}`);
  const exponent = Number(power ?? 0) - (point < 0 ? 0 : 4 * (digits.length - point - 1));
  return number === 0n ? { negative, mantissa: 0n, exponent: 0 } : round(negative, number, 1n, exponent);
}

function signed(value: LongDouble, exponent: number): bigint {
  const aligned = (value.mantissa as bigint) << BigInt(value.exponent - exponent);
  return value.negative ? -aligned : aligned;
}

/** numerator / denominator * 2^exponent to 64 bits of mantissa; undefined where that leaves the range. */
function round(negative: boolean, numerator: bigint, denominator: bigint, exponent: number): LongDouble | undefined {
  if (numerator === 0n) return { negative: false, mantissa: 0n, exponent: 0 };
  let shift = bitLength(numerator) - bitLength(denominator) - 64;
  let mantissa = shifted(numerator, denominator, shift);
  if (mantissa >= MANTISSA_LIMIT) mantissa = shifted(numerator, denominator, ++shift);
  if (mantissa === MANTISSA_LIMIT) {
    mantissa >>= 1n;
    shift++;
  }
  const top = exponent + shift + bitLength(mantissa);
  if (top > LARGEST_BINARY_EXPONENT || top < SMALLEST_BINARY_EXPONENT) return undefined;
  return { negative, mantissa, exponent: exponent + shift };
}

function shifted(numerator: bigint, denominator: bigint, shift: number): bigint {
  return shift > 0
    ? divideToEven(numerator, denominator << BigInt(shift))
    : divideToEven(numerator << BigInt(-shift), denominator);
}

function divideToEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator - quotient * denominator) * 2n;
  return twice > denominator || (twice === denominator && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}

function bitLength(value: bigint): number {
  const text = value.toString(16);
  return text.length * 4 - (Math.clz32(Number.parseInt(text[0] as string, 16)) - 28);
}
