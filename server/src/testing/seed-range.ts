/** For simulations that are tried with many seeds: which of them break, and how far a run has come that is cut off. */

const SEEDS_PER_LINE = 500;

export interface SeedRange {
  readonly first: number;
  readonly count: number;
}

/** As the environment asks: SEED and CALLS. */
export function seedRange(defaultCount: number): SeedRange {
  return {
    first: Number(process.env.SEED || Date.now() % 1_000_000_000),
    count: Number(process.env.CALLS || defaultCount),
  };
}

/** `what` they are seeds of, for the lines that are printed. Gives a line for each seed that is broken. */
export function brokenSeeds({ first, count }: SeedRange, what: string, simulate: (seed: number) => void): string[] {
  const broken: string[] = [];
  for (let seed = first; seed < first + count; seed++) {
    try {
      simulate(seed);
    } catch (error) {
      broken.push(`seed ${seed}: ${(error as Error).message}`);
    }
    const done = seed - first + 1;
    if (done % SEEDS_PER_LINE === 0 && done < count) {
      process.stdout.write(`seeds ${first} to ${seed} of ${what} done: ${broken.length} broken\n`);
    }
  }
  process.stdout.write(`${count} seeds of ${what}, first seed ${first}: ${broken.length} broken\n`);
  return broken;
}
