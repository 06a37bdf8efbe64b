/**
 * Runs a simulation with many seeds, as a process of its own (seed-range.ts): MODULE NAME WHAT FIRST COUNT. Says on standard
 * output how far it has come, and which seeds are broken.
 */

const SEEDS_PER_LINE = 500;
/** How a line begins that tells of a seed. */
export const BROKEN = "broken seed ";

async function main([module, name, what, ...range]: readonly string[]): Promise<void> {
  const { [name as string]: simulate } = (await import(module as string)) as Record<string, (seed: number) => void>;
  if (simulate === undefined) throw new Error(`${module} exports no ${name}`);
  const [first, count] = range.map(Number) as [number, number];
  let broken = 0;
  for (let done = 1; done <= count; done++) {
    const seed = first + done - 1;
    try {
      simulate(seed);
    } catch (error) {
      broken++;
      say(`${BROKEN}${seed}: ${(error as Error).message}`);
    }
    if (done % SEEDS_PER_LINE === 0 || done === count) say(`seeds ${first} to ${seed} of ${what}: ${broken} broken`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (import.meta.main) await main(process.argv.slice(2));
