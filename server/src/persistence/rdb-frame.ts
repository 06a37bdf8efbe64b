/** What surrounds the keys of an RDB file: the header with its aux fields, the marks between, and the end. */

import { Opcode } from "./rdb-format.ts";
import type { RdbOutput } from "./rdb-output.ts";

export interface RdbHeader {
  /** The Redis version that we say we are. */
  readonly version: string;
  readonly createdAtSeconds: number;
  readonly usedMemoryBytes: number;
  readonly isAofBase: boolean;
  /** The sources of all libraries of functions. */
  readonly libraries: readonly Buffer[];
  /** Where the data stands in the replication stream, so that a restart can go on from there. */
  readonly replication?: { readonly id: string; readonly offset: number; readonly databaseIndex: number };
}

/** `formatVersion` is RDB_WRITE_VERSION unless a value needs a newer one. */
export function writeRdbHeader(output: RdbOutput, header: RdbHeader, formatVersion: number): void {
  const magic = Buffer.from(`REDIS${String(formatVersion).padStart(4, "0")}`);
  output.raw(magic, 0, magic.length);
  writeAux(output, "redis-ver", header.version);
  writeAux(output, "redis-bits", "64");
  writeAux(output, "ctime", String(header.createdAtSeconds));
  writeAux(output, "used-mem", String(header.usedMemoryBytes));
  if (header.replication !== undefined) {
    writeAux(output, "repl-stream-db", String(header.replication.databaseIndex));
    writeAux(output, "repl-id", header.replication.id);
    writeAux(output, "repl-offset", String(header.replication.offset));
  }
  writeAux(output, "aof-base", header.isAofBase ? "1" : "0");
  for (const source of header.libraries) writeLibrary(output, source);
}

export function writeLibrary(output: RdbOutput, source: Buffer): void {
  output.byte(Opcode.function2);
  output.string(source, 0, source.length);
}

export function writeSelectDatabase(output: RdbOutput, index: number): void {
  output.byte(Opcode.selectDatabase);
  output.length(index);
}

/** How many keys the selected database has, for a reader that makes room beforehand. */
export function writeResize(output: RdbOutput, keys: number, expires: number): void {
  output.byte(Opcode.resize);
  output.length(keys);
  output.length(expires);
}

/** The checksum that follows is the business of whoever writes the bytes out. */
export function writeRdbEnd(output: RdbOutput): void {
  output.byte(Opcode.end);
}

function writeAux(output: RdbOutput, name: string, value: string): void {
  output.byte(Opcode.aux);
  output.text(name);
  output.text(value);
}
