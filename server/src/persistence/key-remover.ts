/** Takes out of the keyspace what a file has, so that the file can be loaded into what is left: DEBUG RELOAD MERGE. */

import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { RdbHandler, RdbKey } from "./rdb-reader.ts";
import type { StreamHandler } from "./stream-reader.ts";

const NO_VALUE = (): undefined => undefined;

export class KeyRemover implements RdbHandler {
  readonly aux = NO_VALUE;
  readonly library = NO_VALUE;
  readonly resize = NO_VALUE;
  readonly element = NO_VALUE;
  readonly member = NO_VALUE;
  readonly field = NO_VALUE;
  readonly begin = NO_VALUE;
  readonly streams: StreamHandler = {
    ...{ block: NO_VALUE, facts: NO_VALUE, group: NO_VALUE, pending: NO_VALUE, consumer: NO_VALUE, own: NO_VALUE },
  };
  readonly #keyspace: Keyspace;
  #database: Database;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
    this.#database = keyspace.database(0);
  }

  selectDatabase(index: number): void {
    if (index < this.#keyspace.databaseCount) this.#database = this.#keyspace.database(index);
  }

  string(key: RdbKey): void {
    this.end(key);
  }

  packed(key: RdbKey): boolean {
    this.end(key);
    return true;
  }

  end({ name }: RdbKey): void {
    this.#database.delete(name.buffer, name.offset, name.length);
  }
}
