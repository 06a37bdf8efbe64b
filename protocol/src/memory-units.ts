/**
 * Sizes as operators write them: `100`, `64mb`, `1g`. Units with a final b count by 1,024, those without by 1,000.
 */

const UNITS: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({
    "": 1,
    b: 1,
    k: 1000,
    kb: 1024,
    m: 1000 ** 2,
    mb: 1024 ** 2,
    g: 1000 ** 3,
    gb: 1024 ** 3,
  }),
);

/** The size in bytes, or undefined if the text is no size. */
export function parseMemorySize(text: string): number | undefined {
  const match = /^([0-9]*)([a-zA-Z]*)$/.exec(text);
  if (match === null) return undefined;
  const unit = UNITS.get((match[2] as string).toLowerCase());
  return unit === undefined ? undefined : Number(match[1] as string) * unit;
}

/** The shortest exact spelling, as CONFIG REWRITE writes it. */
export function formatMemorySize(sizeBytes: number): string {
  for (const unit of ["gb", "mb", "kb"] as const) {
    const factor = UNITS.get(unit) as number;
    if (sizeBytes !== 0 && sizeBytes % factor === 0) return `${sizeBytes / factor}${unit}`;
  }
  return String(sizeBytes);
}

/** A size for people: `918.88K`, as in INFO. */
export function humanMemorySize(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes}B`;
  const steps = ["K", "M", "G", "T", "P"];
  let value = sizeBytes / 1024;
  let step = 0;
  while (value >= 1024 && step < steps.length - 1) {
    value /= 1024;
    step++;
  }
  return `${value.toFixed(2)}${steps[step]}`;
}
