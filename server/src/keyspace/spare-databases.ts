/**
 * A second set of databases over the same arena, which no client sees. Data is loaded here while the other set is served,
 * and takes its place at once when it is whole. Empty between two uses.
 */

import type { Database } from "./database.ts";

/**
 * With more databases than this there is no second set: an id in a record has room for 256 owners, those of flushed
 * databases among them.
 */
export const MOST_SPARED_DATABASES = 64;

export class SpareDatabases {
  readonly #served: readonly Database[];
  readonly #spare: readonly Database[];

  constructor(served: readonly Database[], makeHidden: () => Database) {
    if (served.length > MOST_SPARED_DATABASES) throw new Error(`There is no room for ${served.length} more databases`);
    this.#served = served;
    this.#spare = served.map(() => makeHidden());
  }

  get databaseCount(): number {
    return this.#spare.length;
  }

  /** `index` must be below `databaseCount`. */
  database(index: number): Database {
    return this.#spare[index] as Database;
  }

  /** What is here is what clients see from now on. What they saw goes. */
  takeOver(): void {
    for (const [index, database] of this.#served.entries()) database.swap(this.database(index));
    this.empty();
  }

  empty(): void {
    for (const database of this.#spare) database.flush();
  }
}
