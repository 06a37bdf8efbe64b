/**
 * Which fault comes when: every kind once before any comes again, in random order, sometimes together with a second of another
 * group, those of one turn in the order of the table. Pure, so that a seed gives the same order again.
 */
import type { Fault } from "./faults.ts";
import type { Random } from "./random.ts";

const TWO_AT_ONCE = 0.25;

export interface Turn {
  readonly faults: readonly Fault[];
  readonly holdMs: number;
  /** Quiet before the next one. */
  readonly pauseMs: number;
}

export function* schedule(faults: readonly Fault[], random: Random): Generator<Turn, never> {
  for (;;) {
    for (const first of random.shuffled(faults)) {
      const others = faults.filter(({ group }) => group !== first.group);
      const isDouble = random.next() < TWO_AT_ONCE && others.length > 0;
      const chosen = isDouble ? [first, random.pick(others)] : [first];
      chosen.sort((a, b) => faults.indexOf(a) - faults.indexOf(b));
      const holds = chosen.map(({ holdMs: [low, high] }) => random.between(low, high));
      yield { faults: chosen, holdMs: Math.max(...holds), pauseMs: random.between(1_000, 5_000) };
    }
  }
}
