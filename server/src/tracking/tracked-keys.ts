/**
 * Which clients may have which key. The keys stand in a database of their own that no client can select, each with the ids of
 * its clients as a string: so they take as little memory as other keys, outside the garbage-collected heap. An id is eight
 * bytes, the lower half first. Ids of clients that are gone stay until their key goes.
 */

import type { Database } from "../keyspace/database.ts";
import { NO_EXPIRY } from "../keyspace/record.ts";

const ID_BYTES = 8;
const TWO_32 = 0x1_0000_0000;

export class TrackedKeys {
  readonly #database: Database;
  readonly #id = Buffer.alloc(ID_BYTES);
  /** Pairs of key and client. */
  items = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  get count(): number {
    return this.#database.count;
  }

  add(clientId: number, buffer: Buffer, offset: number, length: number): void {
    const database = this.#database;
    const id = this.#id;
    id.writeUInt32LE(clientId % TWO_32, 0);
    id.writeUInt32LE(Math.floor(clientId / TWO_32), 4);
    const record = database.peek(buffer, offset, length);
    if (record === 0) database.setString(buffer, offset, length, id, 0, ID_BYTES, NO_EXPIRY);
    else {
      const end = database.valueLength(record);
      if (this.#has(record, end)) return;
      const grown = database.growString(record, end + ID_BYTES);
      id.copy(database.bytesOf(grown), database.valueOffset(grown) + end);
    }
    this.items++;
  }

  /** The ids of a key's clients, which are forgotten; undefined: nobody has it. */
  take(buffer: Buffer, offset: number, length: number): number[] | undefined {
    const database = this.#database;
    const record = database.peek(buffer, offset, length);
    if (record === 0) return undefined;
    const bytes = database.bytesOf(record);
    const start = database.valueOffset(record);
    const ids: number[] = [];
    for (let at = 0; at < database.valueLength(record); at += ID_BYTES) {
      ids.push(bytes.readUInt32LE(start + at) + bytes.readUInt32LE(start + at + 4) * TWO_32);
    }
    database.delete(buffer, offset, length);
    this.items -= ids.length;
    return ids;
  }

  /** Some key; undefined if there is none. */
  any(): Buffer | undefined {
    const record = this.#database.randomKey();
    return record === 0 ? undefined : this.#database.keyOf(record);
  }

  clear(): void {
    this.#database.flush();
    this.items = 0;
  }

  #has(record: number, end: number): boolean {
    const bytes = this.#database.bytesOf(record);
    const start = this.#database.valueOffset(record);
    for (let at = 0; at < end; at += ID_BYTES) {
      if (bytes.compare(this.#id, 0, ID_BYTES, start + at, start + at + ID_BYTES) === 0) return true;
    }
    return false;
  }
}
