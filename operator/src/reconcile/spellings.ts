/**
 * How servers show the values that they were given: CONFIG SET takes "64mb", CONFIG GET shows 67108864. It is learnt from the
 * servers instead of knowing each directive's form. Nothing is lost with it: a value is then set once more, to what it is.
 */

const MOST = 10_000;

export class Spellings {
  readonly #shown = new Map<string, string>();

  isShownAs(name: string, value: string, shown: string): boolean {
    return value === shown || this.#shown.get(keyOf(name, value)) === shown;
  }

  learn(name: string, value: string, shown: string): void {
    if (this.#shown.size >= MOST) this.#shown.clear();
    this.#shown.set(keyOf(name, value), shown);
  }
}

function keyOf(name: string, value: string): string {
  return `${name} ${value}`;
}
