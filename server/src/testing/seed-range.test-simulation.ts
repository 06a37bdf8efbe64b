/** For seed-range.test.ts: a simulation that breaks. */

export function breakOddSeeds(seed: number): void {
  if (seed % 2 !== 0) throw new Error(`${seed} is odd`);
}
