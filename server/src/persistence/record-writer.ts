/** Writes records one behind the other. Those of different databases lie mixed: each change is told before the next record. */

import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Collections } from "../values/collections.ts";
import type { Pieces } from "./pieces.ts";
import type { RdbOutput } from "./rdb-output.ts";
import type { RecordEncoder, SnapshotForm } from "./snapshot-form.ts";

const NO_DATABASE = -1;

/** What all writers of one snapshot share. */
export interface RecordWriterParts {
  readonly keyspace: Keyspace;
  readonly collections: Collections;
  /** The number of the database that an id in a record stands for, negative if it is gone. */
  readonly databaseOfId: Int16Array;
  readonly form: SnapshotForm;
}

export class RecordWriter {
  readonly output: RdbOutput;
  readonly #parts: RecordWriterParts;
  readonly #encoder: RecordEncoder;
  #database = NO_DATABASE;

  constructor(parts: RecordWriterParts, output: RdbOutput) {
    this.#parts = parts;
    this.output = output;
    this.#encoder = parts.form.createEncoder(parts.keyspace, parts.collections, output);
  }

  /** Whether the record is to be written: it belongs to a database of the cut, and the form wants it. */
  knows(record: number): boolean {
    if (this.#databaseOf(record) === NO_DATABASE) return false;
    const { form, keyspace } = this.#parts;
    return form.wants === undefined || form.wants(keyspace.records, record);
  }

  write(record: number): void {
    this.#select(record);
    this.#encoder.write(record);
  }

  /** The first piece is written by the first step; nothing else may go to this output until the last. */
  pieces(record: number): Pieces {
    this.#select(record);
    return this.#encoder.pieces(record);
  }

  /** Something else came in between, whose database is not known here. */
  forgetDatabase(): void {
    this.#database = NO_DATABASE;
  }

  #select(record: number): void {
    const database = this.#databaseOf(record);
    if (database === this.#database) return;
    this.#database = database;
    this.#parts.form.select(this.output, database);
  }

  #databaseOf(record: number): number {
    const { keyspace, databaseOfId } = this.#parts;
    return databaseOfId[keyspace.records.databaseIdOf(record)] as number;
  }
}
