/**
 * For loops of many thousand steps, and for values of many thousand parts: `expect` takes some ten microseconds a step or part
 * even where all is well, which is then most of what such a test takes. So it is asked only when it has something to say.
 */

import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";

/** As `toBe`. */
export function agree<T>(actual: T, expected: T, where?: string): void {
  if (!Object.is(actual, expected)) expect(actual, where).toBe(expected);
}

/** As `toEqual`. */
export function agreeInAll<T>(actual: T, expected: T, where?: string): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual, where).toEqual(expected);
}
