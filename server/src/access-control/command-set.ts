/** A set of commands as bits by command id: asked once a command, copied with its selector. */

const WORD_BITS = 32;

export class CommandSet {
  readonly #words: Int32Array;

  constructor(size: number) {
    this.#words = new Int32Array(Math.ceil(size / WORD_BITS));
  }

  has(id: number): boolean {
    return (((this.#words[id >>> 5] as number) >>> (id & 31)) & 1) !== 0;
  }

  set(id: number, isIn: boolean): void {
    const word = this.#words[id >>> 5] as number;
    this.#words[id >>> 5] = isIn ? word | (1 << (id & 31)) : word & ~(1 << (id & 31));
  }

  fill(isIn: boolean): void {
    this.#words.fill(isIn ? -1 : 0);
  }

  copyFrom(other: CommandSet): void {
    this.#words.set(other.#words);
  }
}
