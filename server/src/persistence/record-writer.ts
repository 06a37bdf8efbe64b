/** Writes records one behind the other. Those of different databases lie mixed: each change puts a SELECTDB between them. */

import type { Records } from "../keyspace/record.ts";
import { writeSelectDatabase } from "./rdb-frame.ts";
import type { RdbOutput } from "./rdb-output.ts";
import type { ValueEncoder } from "./value-encoder.ts";

const NO_DATABASE = -1;

export class RecordWriter {
  readonly output: RdbOutput;
  readonly encoder: ValueEncoder;
  readonly #records: Records;
  readonly #databaseOfId: Int16Array;
  #database = NO_DATABASE;

  /** `databaseOfId`: the number of the database that an id in a record stands for, negative if it is gone. */
  constructor(records: Records, databaseOfId: Int16Array, output: RdbOutput, encoder: ValueEncoder) {
    this.#records = records;
    this.#databaseOfId = databaseOfId;
    this.output = output;
    this.encoder = encoder;
  }

  /** Whether the record belongs to a database that is to be written. */
  knows(record: number): boolean {
    return this.#databaseOf(record) !== NO_DATABASE;
  }

  write(record: number): void {
    this.select(record);
    this.encoder.write(record);
  }

  /** What comes next is of the record's database. */
  select(record: number): void {
    const database = this.#databaseOf(record);
    if (database === this.#database) return;
    this.#database = database;
    writeSelectDatabase(this.output, database);
  }

  /** Something else comes in between, whose database is not known here. */
  forgetDatabase(): void {
    this.#database = NO_DATABASE;
  }

  #databaseOf(record: number): number {
    return this.#databaseOfId[this.#records.databaseIdOf(record)] as number;
  }
}
