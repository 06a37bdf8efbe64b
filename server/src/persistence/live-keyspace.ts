/** For tests: a keyspace with real collections, and whole files read into it and written from it. */

import { createCollectionValues } from "../keyspace/collection-values.ts";
import { Keyspace } from "../keyspace/keyspace.ts";
import { COMPATIBLE_VERSION } from "../observability/product.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { createSeededRandom } from "../platform/random.ts";
import { Collections } from "../values/collections.ts";
import { defaultEncodingLimits } from "../values/encoding-limits.ts";
import { CollectingHandler } from "./collecting-handler.ts";
import { Crc64 } from "./crc64.ts";
import { KeyspaceLoader } from "./keyspace-loader.ts";
import type { RdbHeader } from "./rdb-frame.ts";
import { createChunk, RdbOutput } from "./rdb-output.ts";
import { RdbReader } from "./rdb-reader.ts";
import { Snapshot } from "./snapshot.ts";
import { rdbForm } from "./snapshot-form.ts";
import type { SnapshotTarget } from "./snapshot-target.ts";

export class MemoryTarget implements SnapshotTarget {
  readonly #chunks: Buffer[] = [];
  isFull = false;
  readonly waitingBytes = 0;
  isEnded = false;
  isAborted = false;

  exchange(chunk: Buffer, length: number): Buffer {
    this.#chunks.push(chunk.subarray(0, length));
    return createChunk();
  }

  end(): void {
    this.isEnded = true;
  }

  abort(): void {
    this.isAborted = true;
  }

  /** The file, with its checksum. */
  get file(): Buffer {
    const body = Buffer.concat(this.#chunks);
    const checksum = new Crc64();
    checksum.update(body, 0, body.length);
    const tail = Buffer.alloc(8);
    checksum.write(tail, 0);
    return Buffer.concat([body, tail]);
  }
}

export class LiveKeyspace {
  readonly clock = new FakeClock();
  readonly keyspace: Keyspace;
  readonly collections: Collections;

  constructor(seed = 1) {
    const made: { collections?: Collections } = {};
    const random = createSeededRandom(seed);
    const options = { databaseCount: 16, random, clock: this.clock, isClusterEnabled: false };
    this.keyspace = new Keyspace(options, (arena) => {
      made.collections = new Collections(arena, defaultEncodingLimits(), random);
      return createCollectionValues(made.collections);
    });
    if (made.collections === undefined) throw new Error("The keyspace has made no collections");
    this.collections = made.collections;
  }

  load(file: Buffer, options: { dropsExpired?: boolean; nowMs?: number } = {}): KeyspaceLoader {
    const { keyspace, collections } = this;
    const handler = new KeyspaceLoader({
      keyspace,
      collections,
      nowMs: options.nowMs ?? 0,
      dropsExpired: options.dropsExpired ?? true,
    });
    const reader = new RdbReader({ handler, verifyChecksum: true });
    reader.push(file, 0, file.length);
    reader.finish();
    return handler;
  }

  cut(target: SnapshotTarget, form = rdbForm, replication?: RdbHeader["replication"]): Snapshot {
    const own = new Collections(this.keyspace.arena, this.collections.limits, this.collections.random);
    return new Snapshot({
      keyspace: this.keyspace,
      collections: own,
      output: new RdbOutput(target, { compress: true }),
      form,
      header: {
        version: COMPATIBLE_VERSION,
        createdAtSeconds: 0,
        usedMemoryBytes: 0,
        isAofBase: false,
        libraries: [],
        ...(replication === undefined ? {} : { replication }),
      },
    });
  }

  save(replication?: RdbHeader["replication"]): Buffer {
    const target = new MemoryTarget();
    this.cut(target, rdbForm, replication).walk(() => false);
    return target.file;
  }
}

export function readFile(file: Buffer): CollectingHandler {
  const handler = new CollectingHandler();
  const reader = new RdbReader({ handler, verifyChecksum: true });
  reader.push(file, 0, file.length);
  reader.finish();
  return handler;
}
