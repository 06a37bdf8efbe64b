/**
 * Doubles with a fixed number of decimals, as C's "%.4f" prints them: rounded from the exact value, halves to even.
 * JavaScript's toFixed does the same but rounds halves up; those are found and corrected.
 */

const LARGEST_FOR_TO_FIXED = 1e21;

export function formatExactly(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const magnitude = Math.abs(value);
  if (magnitude >= LARGEST_FOR_TO_FIXED) return `${sign}${BigInt(magnitude)}.${"0".repeat(decimals)}`;
  const text = magnitude.toFixed(decimals);
  return sign + (isRoundedHalfUp(magnitude, text, decimals) ? lastDigitLowered(text) : text);
}

/** Whether the value lay halfway between two texts, and the odd one above was taken. */
function isRoundedHalfUp(magnitude: number, text: string, decimals: number): boolean {
  if ((text.charCodeAt(text.length - 1) & 1) === 0) return false;
  // A half of the last decimal in binary: 10^decimals * magnitude ends in .5 only if 2^(decimals+1) * magnitude is odd.
  const scaled = magnitude * 2 ** (decimals + 1);
  if (scaled !== Math.floor(scaled) || scaled % 2 === 0) return false;
  return magnitude.toFixed(decimals + 1).endsWith("5");
}

function lastDigitLowered(text: string): string {
  return text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) - 1);
}
