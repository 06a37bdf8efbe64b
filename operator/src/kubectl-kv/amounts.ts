/** Numbers and times for people, as kubectl writes them. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `19s`, `5m`, `3h`, `12d`: how long ago, or how long it will be. Empty where there is no time. */
export function timeApart(time: string | undefined, nowMs: number): string {
  const atMs = Date.parse(time ?? "");
  return Number.isNaN(atMs) ? "" : duration(Math.abs(nowMs - atMs) / 1000);
}

export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 2 * MINUTE) return `${whole}s`;
  if (whole < 2 * HOUR) return `${Math.floor(whole / MINUTE)}m`;
  if (whole < 2 * DAY) return `${Math.floor(whole / HOUR)}h`;
  return `${Math.floor(whole / DAY)}d`;
}

/** `16,384` in every locale: what is printed does not depend on who prints it. */
export function grouped(amount: number): string {
  return String(amount).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `90s`, `5m`, `1h` or a number of seconds, as milliseconds; undefined where it is none of these. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,7})(s|m|h)?$/.exec(text);
  if (match === null) return undefined;
  const [, amount, unit = "s"] = match;
  return Number(amount) * (unit === "h" ? HOUR : unit === "m" ? MINUTE : 1) * 1000;
}
