/** The middle of what several runs gave: one that was disturbed changes nothing. */
export function median(values: readonly (number | undefined)[]): number {
  const sorted = values.map((value) => value ?? Number.NaN).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
