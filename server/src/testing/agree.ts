/**
 * For loops of many thousand steps: `expect` takes some ten microseconds even where all is well, which is then most of what such
 * a test takes. So it is asked only when it has something to say.
 */

import { expect } from "vitest";

export function agree<T>(actual: T, expected: T, where?: string): void {
  if (!Object.is(actual, expected)) expect(actual, where).toBe(expected);
}
