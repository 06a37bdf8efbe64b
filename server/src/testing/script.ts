/** What random scripts of commands are made of: seeded picks, keys, values, and the numbers where servers go wrong. */

import { createSeededRandom, type Random } from "../platform/random.ts";

export type Word = string | Buffer;

/** Numbers at and beyond the edges of what a command takes, in their many spellings. */
export const NUMBERS: readonly string[] = [
  ...["0", "1", "-1", "2", "10", "-10", "100", "999999999999999", "1000000000000000", "-999999999999999"],
  ...["9007199254740992", "-9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775806"],
  ...["9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999"],
  ...["", " 1", "1 ", "+1", "-0", "01", "0x10", "1e3", "1.5", "abc", "-", "1\u0000", "٣"],
];

export const FLOATS: readonly string[] = [
  ...["0", "1", "-1", "0.1", "1.5", "-2.25", "3.0e3", "1e-5", "1e17", "123456789.123456789", "5.0e-324", "1e308"],
  ...["inf", "-inf", "+inf", "nan", "", " 1", "1 ", "abc", "0x1p3", ".5", "5.", "-.5", "1e5000", "1,5"],
];

export const VALUES: readonly Word[] = [
  ...["", "v", "hello", "a longer value than forty-four bytes, so that it is stored raw", "10", "-5", "3.5"],
  ...[Buffer.from([0]), Buffer.from([0, 13, 10, 255, 254]), Buffer.from("\r\n$5\r\n"), Buffer.alloc(1000, "x")],
];

export const KEYS: readonly Word[] = ["a", "b", "c", "", Buffer.from([0, 1, 255, 13, 10]), "key:with:colons", "{tag}x"];

export class Script {
  readonly random: Random;

  constructor(seed: number) {
    this.random = createSeededRandom(seed);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.random.below(items.length)] as T;
  }

  /** True once in `n`. */
  once(n: number): boolean {
    return this.random.below(n) === 0;
  }

  key(): Word {
    return this.pick(KEYS);
  }

  value(): Word {
    return this.once(3) ? this.pick(NUMBERS) : this.pick(VALUES);
  }

  /** A small integer mostly, an edge case sometimes. */
  number(): string {
    return this.once(2) ? String(this.random.below(40) - 20) : this.pick(NUMBERS);
  }

  /** Any case of letters. */
  caseOf(word: string): string {
    return this.once(3) ? word.toLowerCase() : this.once(2) ? word.toUpperCase() : word;
  }

  /** Between 0 and `most` picks. */
  some<T>(items: readonly T[], most: number): T[] {
    return Array.from({ length: this.random.below(most + 1) }, () => this.pick(items));
  }
}
