/** In what form a snapshot is written: as an RDB file, or as commands that make the data anew (aof/command-form.ts). */

import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Records } from "../keyspace/record.ts";
import type { Collections } from "../values/collections.ts";
import type { Pieces } from "./pieces.ts";
import { Opcode, RDB_WRITE_VERSION, RDB_WRITE_VERSION_WITH_FIELD_EXPIRY } from "./rdb-format.ts";
import { type RdbHeader, writeRdbEnd, writeRdbHeader, writeResize, writeSelectDatabase } from "./rdb-frame.ts";
import type { RdbOutput } from "./rdb-output.ts";
import { ValueEncoder } from "./value-encoder.ts";

/** Writes records in the middle of commands, so with views of its own. */
export interface RecordEncoder {
  write(record: number): void;
  /** The same in pieces, between which the record must not change. */
  pieces(record: number): Pieces;
}

export interface SnapshotForm {
  /** What stands before all records. */
  begin(output: RdbOutput, keyspace: Keyspace, header: RdbHeader): void;
  createEncoder(keyspace: Keyspace, collections: Collections, output: RdbOutput): RecordEncoder;
  /** Absent: all records are to be written. */
  readonly wants?: (records: Records, record: number) => boolean;
  /** The records that follow are of this database. */
  select(output: RdbOutput, database: number): void;
  end(output: RdbOutput): void;
}

/** What the policy of eviction goes by, so that a restart does not forget it. */
function writeAccess(output: RdbOutput, { eviction }: Keyspace, record: number): void {
  const { tracks } = eviction;
  if (tracks === "idle") {
    output.byte(Opcode.idle);
    output.length(eviction.idleSeconds(record));
  } else if (tracks === "frequency") {
    output.byte(Opcode.frequency);
    output.byte(eviction.frequency(record));
  }
}

export const rdbForm: SnapshotForm = {
  begin(output, keyspace, header) {
    const hasFieldExpiry = keyspace.expiringHashes > 0;
    writeRdbHeader(output, header, hasFieldExpiry ? RDB_WRITE_VERSION_WITH_FIELD_EXPIRY : RDB_WRITE_VERSION);
    for (let index = 0; index < keyspace.databaseCount; index++) {
      const database = keyspace.database(index);
      if (database.count === 0) continue;
      writeSelectDatabase(output, index);
      writeResize(output, database.count, database.expiry.count);
    }
  },
  createEncoder(keyspace, collections, output) {
    return new ValueEncoder(keyspace.records, collections, output, {
      writeAccess: (record) => writeAccess(output, keyspace, record),
    });
  },
  select: writeSelectDatabase,
  end: writeRdbEnd,
};
