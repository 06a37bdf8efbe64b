/**
 * Strings that come from a file, all of them new. In a large index each of them goes to a place of its own, which is not in the
 * processor's cache; so their records are made at once, and enter the index together, after a round of reads that
 * the processor does side by side. Until then nobody finds them: `enter` must come before anything else happens to the keyspace.
 */

import { copyBytes } from "../memory/arena-bytes.ts";
import type { Handle } from "../memory/arena-layout.ts";
import type { Database } from "./database.ts";
import type { KeyspaceState } from "./keyspace-state.ts";
import { stringTypeByte } from "./string-encoding.ts";

const MOST_WAITING = 64;

export class LoadedStrings {
  readonly #state: KeyspaceState;
  readonly #records = new Int32Array(MOST_WAITING);
  readonly #hashes = new Int32Array(MOST_WAITING);
  #count = 0;

  constructor(state: KeyspaceState) {
    this.#state = state;
  }

  /** There is no room for another one before `enter`. */
  get isFull(): boolean {
    return this.#count === MOST_WAITING;
  }

  add(
    keyBuffer: Buffer,
    keyOffset: number,
    keyLength: number,
    valueBuffer: Buffer,
    valueOffset: number,
    valueLength: number,
    expireAtMs: number,
    access: number,
  ): void {
    const { records, dictionary } = this.#state;
    const index = this.#count;
    this.#hashes[index] = dictionary.hash(keyBuffer, keyOffset, keyLength);
    const typeByte = stringTypeByte(valueBuffer, valueOffset, valueLength);
    const record = records.create(typeByte, keyBuffer, keyOffset, keyLength, valueLength, expireAtMs, access);
    copyBytes(records.bytesOf(record), records.valueOffset(record), valueBuffer, valueOffset, valueLength);
    this.#records[index] = record;
    this.#count = index + 1;
  }

  /**
   * All are in the database now, but those whose key is there already: of these the last one's name, undefined if there are none.
   * With `replaces` they take the place of what is there.
   */
  enter(database: Database, replaces: boolean): Buffer | undefined {
    const count = this.#count;
    this.#count = 0;
    if (count === 0) return undefined;
    let twice: Buffer | undefined;
    this.#state.dictionary.warm(database.indexRoot, this.#hashes, count);
    for (let i = 0; i < count; i++) {
      const record = this.#records[i] as Handle;
      const hash = this.#hashes[i] as number;
      if (this.#enterOne(database, record, hash)) continue;
      if (replaces) {
        this.#remove(database, record);
        this.#enterOne(database, record, hash);
        continue;
      }
      twice = database.keyOf(record);
      this.#state.arena.free(record);
    }
    return twice;
  }

  #remove(database: Database, record: Handle): void {
    const { records } = this.#state;
    database.delete(records.bytesOf(record), records.keyOffset(record), records.keyLength(record));
  }

  #enterOne(database: Database, record: Handle, hash: number): boolean {
    const { records, dictionary } = this.#state;
    const key = records.bytesOf(record);
    const root = database.indexRoot;
    if (dictionary.find(root, hash, key, records.keyOffset(record), records.keyLength(record)) !== 0) return false;
    dictionary.insertMissed(root, hash, record);
    database.entered(record);
    return true;
  }
}
