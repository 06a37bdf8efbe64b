/** A double as C's "%.<digits>g" prints it: exactly in the middle it rounds to the even digit, where JavaScript rounds up. */

/** Enough to see that the digits behind are a five and zeros only. */
const MORE_DIGITS = 40;

export function formatGeneral(value: number, digits: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const sign = value < 0 ? "-" : "";
  const [mantissa = "", power = "0"] = rounded(Math.abs(value), digits).split("e");
  const exponent = Number(power);
  const all = mantissa.replace(".", "");
  if (exponent < -4 || exponent >= digits) {
    const magnitude = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${withoutZeros(mantissa)}e${exponent < 0 ? "-" : "+"}${magnitude}`;
  }
  if (exponent < 0) return `${sign}${withoutZeros(`0.${"0".repeat(-exponent - 1)}${all}`)}`;
  return `${sign}${withoutZeros(`${all.slice(0, exponent + 1)}.${all.slice(exponent + 1)}`)}`;
}

function rounded(magnitude: number, digits: number): string {
  const [mantissa = "", power = "0"] = magnitude.toExponential(digits - 1 + MORE_DIGITS).split("e");
  const kept = mantissa.slice(0, digits + (digits > 1 ? 1 : 0));
  const rest = mantissa.slice(digits + 1);
  const isEven = (kept.charCodeAt(kept.length - 1) & 1) === 0;
  if (/^50*$/.test(rest) && isEven) return `${kept}e${power}`;
  return magnitude.toExponential(digits - 1);
}

function withoutZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
