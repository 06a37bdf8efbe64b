/** DEBUG subcommands that look into values: their digests, encodings and sizes. */

import { Encoding, encodingName, ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { Digest, digestOfDatabases, mixValue } from "./dataset-digest.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { referencesTo } from "./shared-integers.ts";

/** A payload has these beyond what DEBUG OBJECT counts: the type, the version and the checksum. */
const PAYLOAD_FRAME_BYTES = 11;

export function debugDigest(call: Call): void {
  const { keyspace, collections } = call.server;
  const databases = Array.from({ length: keyspace.databaseCount }, (_, index) => keyspace.database(index));
  call.reply.status(digestOfDatabases(databases, collections));
}

export function debugDigestValue(call: Call): void {
  const { db, server } = call;
  call.reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++) {
    const digest = new Digest();
    const record = db.peek(call.buffer, call.offset[i] as number, call.length[i] as number);
    if (record !== 0) mixValue(digest, db, record, server.collections);
    call.reply.status(digest.toString());
  }
}

function existing(call: Call): number {
  const record = call.db.peek(call.buffer, call.offset[2] as number, call.length[2] as number);
  if (record === 0) throw new CommandError(ERRORS.noSuchKey);
  return record;
}

export function debugObject(call: Call): void {
  const { db, server } = call;
  const record = existing(call);
  const encoding = encodingName(db.encodingOf(record));
  const count = referencesTo(call, record);
  const bytes = server.payloads.dump(record).length - PAYLOAD_FRAME_BYTES;
  const lastUse = server.keyspace.records.accessOf(record);
  const idle = server.keyspace.eviction.idleSeconds(record);
  const use = `lru:${lastUse} lru_seconds_idle:${idle}`;
  const blocks = db.encodingOf(record) === Encoding.quicklist ? blocksOf(call, record) : "";
  call.reply.status(
    `Value at:0x${record.toString(16)} refcount:${count} encoding:${encoding} serializedlength:${bytes} ${use}${blocks}`,
  );
}

/** What Redis tells of the nodes of a long list. */
function blocksOf(call: Call, record: number): string {
  const { list, span } = call.server.collections;
  list.open(call.db.rootOf(record), call.db.encodingOf(record));
  const blocks = list.blockCount;
  let bytes = 0;
  for (let block = 0; block < blocks; block++) {
    list.readBlock(block, span);
    bytes += span.length;
  }
  const { config } = call.server;
  const compressed = config.get("list-compress-depth") === 0 ? 0 : 1;
  const average = (list.count / blocks).toFixed(2);
  const limit = config.get("list-max-listpack-size");
  return ` ql_nodes:${blocks} ql_avg_node:${average} ql_listpack_max:${limit} ql_compressed:${compressed} ql_uncompressed_size:${bytes}`;
}

export function debugQuicklist(call: Call): void {
  const record = existing(call);
  if (call.db.typeOf(record) !== ValueType.list) throw new CommandError("ERR Not a quicklist encoded object.");
  call.reply.status("Quicklist structure printed on stdout");
}

/** Redis prints the structure for people; here only whether there is one can be learned. */
export function debugListpack(call: Call): void {
  const record = existing(call);
  const isPacked = call.db.typeOf(record) !== ValueType.string && call.db.encodingOf(record) === Encoding.listpack;
  if (!isPacked) throw new CommandError("ERR Not a listpack encoded object.");
  call.reply.status("Listpack structure printed on stdout");
}
