/**
 * Model-based tests of the structures that data lies in: random operations go to the real one and to a plain JavaScript
 * model, every answer is compared, and at the end all is freed and not a byte may be left. fast-check draws the operations
 * and shrinks a failure to few of them; the seed is printed with it.
 */

import fc from "fast-check";
import { Arena } from "../../memory/arena.ts";

export interface Model<Operation> {
  readonly name: string;
  readonly operation: fc.Arbitrary<Operation>;
  start(arena: Arena): ModelRun<Operation>;
}

export interface ModelRun<Operation> {
  /** Throws where the structure answers something else than the model. */
  apply(operation: Operation): void;
  /** Compares the whole content, and whatever else must always hold. */
  check(): void;
  /** Frees everything. */
  end(): void;
}

export interface Effort {
  readonly runs: number;
  readonly operations: number;
  readonly seed: number;
}

/** Runs so many sequences of up to so many operations. */
export function checkModel<Operation>(model: Model<Operation>, { runs, operations, seed }: Effort): void {
  const sequence = fc.array(model.operation, { minLength: 1, maxLength: operations, size: "max" });
  fc.assert(
    fc.property(sequence, (steps) => {
      const arena = new Arena();
      const run = model.start(arena);
      for (const step of steps) run.apply(step);
      run.check();
      run.end();
      if (arena.usedBytes !== 0) throw new Error(`${arena.usedBytes} bytes are left when all is freed`);
    }),
    { numRuns: runs, seed },
  );
}

/** Throws unless both are the same. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const left = JSON.stringify(actual);
  const right = JSON.stringify(expected);
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`);
}

/** Short strings of few letters, integers of all widths, and now and then a long one. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 40 }).map((number) => `text:${number}`) },
  { weight: 3, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
  { weight: 3, arbitrary: fc.integer({ min: -200, max: 200 }).map(String) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 5000 }).map((length) => "x".repeat(length)) },
);
