/**
 * Which database the id in a record belongs to. A flush gives the database a new id and retires the old one with its index:
 * records under a retired id belong to nobody, so whoever walks pages skips them, while they are freed in steps.
 */

import type { Handle } from "../memory/arena-layout.ts";
import type { Dictionary } from "../memory/dictionary.ts";
import type { Database } from "./database.ts";

/** 8 bits of a record's third word. */
const ID_COUNT = 256;
/** Half of the ids are for flushed databases that are not reclaimed yet. */
export const MAX_DATABASES = ID_COUNT / 2;
/** Small enough that freeing at once is not felt. */
const FREED_AT_ONCE = 512;

interface Retired {
  readonly id: number;
  readonly root: Handle;
}

export class Owners {
  readonly #databases: (Database | undefined)[] = new Array(ID_COUNT).fill(undefined);
  readonly #isRetired = new Uint8Array(ID_COUNT);
  readonly #queue: Retired[] = [];
  /** Records that are to be freed, and those that were. */
  waiting = 0;
  freed = 0;
  readonly #dictionary: Dictionary;
  readonly #release: (record: Handle) => void;

  constructor(dictionary: Dictionary, release: (record: Handle) => void) {
    this.#dictionary = dictionary;
    this.#release = (record) => {
      this.waiting--;
      this.freed++;
      release(record);
    };
  }

  /** The database of a record's id; undefined when it was flushed. */
  get(id: number): Database | undefined {
    return this.#databases[id];
  }

  databaseIndexes(): Int16Array {
    return Int16Array.from(this.#databases, (database) => database?.index ?? -1);
  }

  set(id: number, database: Database): void {
    this.#databases[id] = database;
  }

  /** A free id for this database. */
  take(database: Database): number {
    if (this.#freeId === -1) this.reclaim(() => false);
    const id = this.#freeId;
    if (id === -1) throw new Error("Cannot take a database id: all are in use");
    this.#databases[id] = database;
    return id;
  }

  get #freeId(): number {
    return this.#databases.findIndex((owner, index) => owner === undefined && this.#isRetired[index] === 0);
  }

  /** Gives up all records of an id, and gives the database another one. */
  retire(id: number, root: Handle, database: Database): number {
    this.waiting += this.#dictionary.count(root);
    if (this.#dictionary.count(root) <= FREED_AT_ONCE) {
      while (!this.#dictionary.freeStep(root, this.#release));
      return id;
    }
    this.#databases[id] = undefined;
    this.#isRetired[id] = 1;
    this.#queue.push({ id, root });
    if (this.#queue.length > MAX_DATABASES - 1) this.reclaim(() => false);
    return this.take(database);
  }

  get isReclaiming(): boolean {
    return this.#queue.length > 0;
  }

  /** Frees flushed records until there are none or `isOver` says stop; it is asked once for about 600 records. True when done. */
  reclaim(isOver: () => boolean): boolean {
    for (;;) {
      const first = this.#queue[0];
      if (first === undefined) return true;
      if (this.#dictionary.freeStep(first.root, this.#release)) {
        this.#isRetired[first.id] = 0;
        this.#queue.shift();
      }
      if (isOver()) return this.#queue.length === 0;
    }
  }
}
