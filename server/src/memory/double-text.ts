/**
 * Doubles as decimal text with 17 significant digits, laid out as C's "%.17g" does: the form of scores on the wire.
 * JavaScript's toExponential gives the same digits except at exact ties at the 17th digit, where it rounds up and C
 * rounds to even; those are found by exact arithmetic and corrected. Infinity prints as "inf".
 */

import { writeDecimal } from "@kvcluster/protocol/decimal";

const DIGITS = 17;

export function formatDouble(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? "-0" : String(value);
  if (Number.isNaN(value)) return "nan";
  const magnitude = Math.abs(value);
  if (magnitude === Number.POSITIVE_INFINITY) return value < 0 ? "-inf" : "inf";
  const text = magnitude.toExponential(DIGITS - 1);
  let digits = (text[0] as string) + text.slice(2, DIGITS + 1);
  const exponent = Number(text.slice(DIGITS + 2));
  if ((digits.charCodeAt(DIGITS - 1) & 1) === 1 && isTie(magnitude, exponent)) {
    digits = digits.slice(0, -1) + String.fromCharCode(digits.charCodeAt(DIGITS - 1) - 1);
  }
  const layout = layOut(digits.replace(/0+$/, ""), exponent);
  return value < 0 ? `-${layout}` : layout;
}

/** Prints the double at the position and returns the position after it (at most 24 bytes). */
export function writeDouble(out: Buffer, position: number, value: number): number {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return writeDecimal(value, out, position);
  return position + out.write(formatDouble(value), position, "latin1");
}

function layOut(digits: string, exponent: number): string {
  if (exponent < -4 || exponent >= DIGITS) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    const power = Math.abs(exponent);
    return `${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${power < 10 ? "0" : ""}${power}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return digits + "0".repeat(exponent + 1 - digits.length);
  return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** True if the number lies exactly halfway between two neighbours of 17 digits. */
function isTie(magnitude: number, exponent: number): boolean {
  if (exponent <= 17) {
    // Halfway means magnitude * 2 * 10^(16-exponent) is an odd integer; the power of five in it is odd anyway.
    if (exponent < -8) return false;
    const scaled = magnitude * 2 ** (17 - exponent);
    return scaled === Math.floor(scaled) && scaled < 2 ** 53 && scaled % 2 === 1;
  }
  // A mantissa of 53 bits holds no more than 22 factors of five.
  if (exponent > 38) return false;
  const unit = 10n ** BigInt(exponent - 16);
  return BigInt(magnitude) % unit === unit / 2n;
}
