/**
 * Single values as bytes: what DUMP gives and RESTORE takes. A payload is the type and content of the value as an RDB file
 * has them, the version of the format in two bytes and a CRC64 over all before it.
 *
 * A payload comes from anyone, so everything in it is checked while it is read into a database of its own; only a value that
 * is whole moves from there to its place. Nothing here touches a snapshot under way.
 */

import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import type { Collections } from "../values/collections.ts";
import { Crc64 } from "./crc64.ts";
import { KeyspaceLoader } from "./keyspace-loader.ts";
import {
  CHECKSUM_BYTES,
  Opcode,
  productOfVersion,
  RDB_NEWEST_VERSION,
  RDB_PRODUCTS,
  RDB_WRITE_VERSION,
} from "./rdb-format.ts";
import { writeLibrary } from "./rdb-frame.ts";
import { RdbError, RdbInput, UNDERFLOW } from "./rdb-input.ts";
import { type ChunkSink, RdbOutput } from "./rdb-output.ts";
import { RdbReader } from "./rdb-reader.ts";
import { ValueEncoder } from "./value-encoder.ts";

const VERSION_BYTES = 2;
const FOOTER_BYTES = VERSION_BYTES + CHECKSUM_BYTES;
/** Types up to this one are known to version 10, those up to the next to version 11. */
const NEWEST_TYPE_OF_VERSION_10 = 19;
const NEWEST_TYPE_OF_VERSION_11 = 21;

export interface ValuePayloadOptions {
  readonly keyspace: Keyspace;
  readonly collections: Collections;
  /** `rdbcompression` */
  readonly compress: () => boolean;
}

export interface RestoreTarget {
  readonly name: ByteSpan;
  /** Milliseconds since 1970, or 0. */
  readonly expireAtMs: number;
}

interface Writer {
  readonly output: RdbOutput;
  readonly encoder: ValueEncoder;
}

export class ValuePayloads {
  readonly #options: ValuePayloadOptions;
  readonly #checksum = new Crc64();
  readonly #sink = new PartsSink();
  /** With and without compression, made when first needed. */
  readonly #writers: [Writer | undefined, Writer | undefined] = [undefined, undefined];
  #restorer: Restorer | undefined;

  constructor(options: ValuePayloadOptions) {
    this.#options = options;
  }

  /** The payload of a record's value. */
  dump(record: number): Buffer {
    const { output, encoder } = this.#writer();
    encoder.writeValue(record);
    output.flush();
    const value = this.#sink.take();
    return this.#sealed(value, versionOf(value[0] as number));
  }

  /** The payload of libraries of functions, of which each is as in a file. */
  dumpLibraries(sources: readonly Buffer[]): Buffer {
    const { output } = this.#writer();
    for (const source of sources) writeLibrary(output, source);
    output.flush();
    return this.#sealed(this.#sink.take(), RDB_WRITE_VERSION);
  }

  /** Whether version and checksum at the end of a payload are right; the checksum need not be where it is skipped. */
  isIntact(bytes: Buffer, offset: number, length: number, skipsChecksum = false): boolean {
    if (length < FOOTER_BYTES) return false;
    const end = offset + length - FOOTER_BYTES;
    if (productOfVersion(bytes.readUInt16LE(end)) === undefined) return false;
    if (skipsChecksum) return true;
    this.#checksum.reset();
    this.#checksum.update(bytes, offset, end + VERSION_BYTES);
    return this.#checksum.equals(bytes, end + VERSION_BYTES);
  }

  /** The sources in an intact payload; undefined if anything else is in it. */
  readLibraries(payload: Buffer): Buffer[] | undefined {
    const input = new RdbInput();
    const source = new ByteSpan();
    const sources: Buffer[] = [];
    input.push(payload, 0, payload.length - FOOTER_BYTES);
    try {
      while (input.available > 0) {
        if (input.byte() !== Opcode.function2) return undefined;
        input.string(source, { buffer: Buffer.alloc(0) });
        sources.push(source.toBuffer());
      }
      return sources;
    } catch (reason) {
      if (reason !== UNDERFLOW && !(reason instanceof RdbError)) throw reason;
      return undefined;
    }
  }

  /** Reads an intact payload; the value waits until `place` or `drop` is called. False if its bytes make no value. */
  read(target: RestoreTarget, bytes: Buffer, offset: number, length: number): boolean {
    this.#restorer ??= new Restorer(this.#options);
    return this.#restorer.read(target, bytes, offset, offset + length - FOOTER_BYTES);
  }

  /** Moves the value that was read to its place, where there must be no such key. */
  place(name: ByteSpan, database: Database): void {
    this.#restorer?.place(name, database);
  }

  /** Frees the value that was read. */
  drop(name: ByteSpan): void {
    this.#restorer?.drop(name);
  }

  #sealed(value: Buffer, version: number): Buffer {
    const payload = Buffer.allocUnsafe(value.length + FOOTER_BYTES);
    value.copy(payload);
    payload.writeUInt16LE(version, value.length);
    this.#checksum.reset();
    this.#checksum.update(payload, 0, value.length + VERSION_BYTES);
    this.#checksum.write(payload, value.length + VERSION_BYTES);
    return payload;
  }

  #writer(): Writer {
    const compress = this.#options.compress();
    const index = compress ? 1 : 0;
    const known = this.#writers[index];
    if (known !== undefined) return known;
    const { keyspace, collections } = this.#options;
    const output = new RdbOutput(this.#sink, { compress });
    const writer = {
      output,
      encoder: new ValueEncoder(keyspace.records, collections, output, { isHighestFirst: true }),
    };
    this.#writers[index] = writer;
    return writer;
  }
}

/** Collects copies of the parts of one value. */
class PartsSink implements ChunkSink {
  #parts: Buffer[] = [];

  exchange(chunk: Buffer, length: number): Buffer {
    this.#parts.push(Buffer.from(chunk.subarray(0, length)));
    return chunk;
  }

  take(): Buffer {
    const value = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    return value;
  }
}

class Restorer {
  readonly #hidden: Database;
  readonly #loader: KeyspaceLoader;
  readonly #reader: RdbReader;

  constructor({ keyspace, collections }: ValuePayloadOptions) {
    this.#hidden = keyspace.createHiddenDatabase();
    this.#loader = new KeyspaceLoader({
      ...{ keyspace, collections, nowMs: 0, dropsExpired: false },
      database: this.#hidden,
    });
    this.#reader = new RdbReader({ handler: this.#loader, verifyChecksum: false, refusesDuplicates: true });
  }

  read({ name, expireAtMs }: RestoreTarget, bytes: Buffer, start: number, end: number): boolean {
    try {
      // No name stands in a payload: the version behind the value says whose it is.
      const product = productOfVersion(bytes.readUInt16LE(end)) ?? RDB_PRODUCTS.REDIS;
      this.#reader.readValue({ name, expireAtMs, product }, bytes, start, end);
    } catch (reason) {
      if (!(reason instanceof RdbError)) throw reason;
      this.#loader.abort();
      this.drop(name);
      return false;
    }
    // An empty collection makes no key.
    return this.#hidden.count > 0;
  }

  place({ buffer, offset, length }: ByteSpan, database: Database): void {
    this.#hidden.moveTo(database, buffer, offset, length);
  }

  drop({ buffer, offset, length }: ByteSpan): void {
    this.#hidden.delete(buffer, offset, length);
  }
}

/** The lowest version of the format whose readers know the type. */
function versionOf(type: number): number {
  if (type <= NEWEST_TYPE_OF_VERSION_10) return RDB_WRITE_VERSION;
  return type <= NEWEST_TYPE_OF_VERSION_11 ? 11 : RDB_NEWEST_VERSION;
}
