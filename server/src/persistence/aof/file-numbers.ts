/**
 * Names for the new files of an append-only directory. None is used twice: when writing the manifest failed, nobody knows
 * which one the disk has, and when somebody lost it, the files that it named may be all that is left of the data.
 */

import { type AofFile, type Manifest, nextBase, nextIncrement } from "./manifest.ts";

export class FileNumbers {
  readonly #fileName: string;
  #lastBase = 0;
  #lastIncrement = 0;

  constructor(fileName: string) {
    this.#fileName = fileName;
  }

  /** New files get numbers beyond those of these names in the directory. Says whether there were any. */
  passOver(names: readonly string[]): boolean {
    let isFound = false;
    for (const name of names) {
      if (!name.startsWith(`${this.#fileName}.`)) continue;
      const match = /^(\d{1,15})\.(?:base\.(?:rdb|aof)|incr\.aof)$/.exec(name.slice(this.#fileName.length + 1));
      if (match === null) continue;
      isFound = true;
      const number = Number(match[1]);
      if (name.endsWith(".incr.aof")) this.#lastIncrement = Math.max(this.#lastIncrement, number);
      else this.#lastBase = Math.max(this.#lastBase, number);
    }
    return isFound;
  }

  newBase(manifest: Manifest, isRdb: boolean): AofFile {
    const base = nextBase(manifest, this.#fileName, isRdb, this.#lastBase);
    this.#lastBase = base.sequence;
    return base;
  }

  newIncrement(manifest: Manifest): AofFile {
    const increment = nextIncrement(manifest, this.#fileName, this.#lastIncrement);
    this.#lastIncrement = increment.sequence;
    return increment;
  }
}
