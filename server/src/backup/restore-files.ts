/** The keys of a backup's files, one after another, each as the payload that RESTORE takes. A file is checked against its manifest first. */

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { createCollectionValues } from "../keyspace/collection-values.ts";
import { Keyspace } from "../keyspace/keyspace.ts";
import { KeyspaceLoader } from "../persistence/keyspace-loader.ts";
import { RdbReader } from "../persistence/rdb-reader.ts";
import { ValuePayloads } from "../persistence/value-payload.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import { Collections } from "../values/collections.ts";
import { defaultEncodingLimits } from "../values/encoding-limits.ts";
import type { BackupPlace } from "./backup-place.ts";
import { isOurManifest, MANIFEST_NAME, type Manifest, type ManifestShard } from "./manifest.ts";

export interface RestoredKey {
  readonly database: number;
  readonly key: Buffer;
  /** Milliseconds since 1970, or 0. */
  readonly expireAtMs: number;
  readonly payload: Buffer;
}

/** What a piece of a file has brought. */
export interface RestoredPiece {
  readonly keys: readonly RestoredKey[];
  readonly libraries: readonly Buffer[];
}

const PIECE_BYTES = 256 << 10;
/** As many as a server can have. */
const DATABASES = 128;

export async function readManifest(place: BackupPlace): Promise<Manifest> {
  const text = await place.readText(MANIFEST_NAME);
  if (text === undefined) throw new Error(`"${place.name}" holds no backup: it has no ${MANIFEST_NAME}`);
  if (!isOurManifest(text)) throw new Error(`${MANIFEST_NAME} in "${place.name}" is not of a backup`);
  return JSON.parse(text) as Manifest;
}

/** Throws if the file is not the one that the manifest tells of. */
export async function checkFile(directory: string, { file, sha256 }: ManifestShard): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of fs.createReadStream(path.join(directory, file))) hash.update(chunk as Buffer);
  if (hash.digest("hex") !== sha256) throw new Error(`${file} is damaged: its checksum is not the manifest's`);
}

/** A piece at a time, so that memory holds no more than that, and the largest value. */
export async function* restoredPieces(file: string, clock: Clock, random: Random): AsyncGenerator<RestoredPiece> {
  const made: { collections?: Collections } = {};
  const keyspace = new Keyspace({ databaseCount: DATABASES, random, clock, isClusterEnabled: false }, (arena) => {
    made.collections = new Collections(arena, defaultEncodingLimits(), random);
    return createCollectionValues(made.collections);
  });
  const collections = made.collections as Collections;
  const payloads = new ValuePayloads({ keyspace, collections, compress: () => true });
  const libraries: Buffer[] = [];
  const handler = new KeyspaceLoader({
    ...{ keyspace, collections, nowMs: clock.nowMs(), dropsExpired: true },
    takeLibrary: (source) => void libraries.push(source),
  });
  const reader = new RdbReader({ handler, verifyChecksum: true });
  keyspace.ignoresExpiry = true;
  for await (const chunk of fs.createReadStream(file, { highWaterMark: PIECE_BYTES })) {
    const bytes = chunk as Buffer;
    reader.push(bytes, 0, bytes.length);
    handler.settle();
    yield takeAll(keyspace, payloads, libraries);
  }
  reader.finish();
  handler.settle();
  yield takeAll(keyspace, payloads, libraries);
}

function takeAll(keyspace: Keyspace, payloads: ValuePayloads, libraries: Buffer[]): RestoredPiece {
  const keys: RestoredKey[] = [];
  for (let index = 0; keyspace.count > keys.length; index++) {
    const database = keyspace.database(index);
    database.forEach((record) => {
      keys.push({
        ...{ database: index, key: database.keyOf(record), expireAtMs: database.expireAtOf(record) },
        payload: payloads.dump(record),
      });
    });
  }
  keyspace.flushAll();
  keyspace.reclaim(Number.POSITIVE_INFINITY);
  return { keys, libraries: libraries.splice(0) };
}
