/**
 * One shard's snapshot: from the source into `shard-<i>.rdb.partial`, parsed and hashed on the way, synced, then renamed.
 * With verification the file is read back from the disk and must be the very bytes that came.
 */

import { createHash } from "node:crypto";
import path from "node:path";
import { RespError } from "@kvcluster/protocol/resp-decoder";
import { RdbReader } from "../persistence/rdb-reader.ts";
import type { Disk } from "../platform/disk.ts";
import type { BackupShardSource, HostAndPort } from "./backup-arguments.ts";
import { slotsOfMyShard } from "./cluster-slots.ts";
import { KeyCounter } from "./key-counter.ts";
import type { ManifestShard } from "./manifest.ts";
import type { TlsFiles } from "./outside-socket.ts";
import { ReplicationClient, SourceError } from "./replication-client.ts";

const READ_BYTES = 1 << 20;

export interface DownloadOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly shard: BackupShardSource;
  readonly userName: string;
  readonly password: string;
  readonly tls: TlsFiles | undefined;
  readonly verify: boolean;
  readonly log: (message: string) => void;
}

export function shardFileName(index: number): string {
  return `shard-${index}.rdb`;
}

export function partialFileName(index: number): string {
  return `${shardFileName(index)}.partial`;
}

/** Tries the shard's addresses in turn. What is wrong with our own disk is not tried again. */
export async function downloadShard(options: DownloadOptions): Promise<ManifestShard> {
  const reasons: string[] = [];
  for (const address of options.shard.addresses) {
    try {
      return await downloadFrom(address, options);
    } catch (reason) {
      options.disk.remove(path.join(options.directory, partialFileName(options.shard.index)));
      if (!(reason instanceof SourceError)) throw reason;
      options.log(reason.message);
      reasons.push(reason.message);
    }
  }
  throw new SourceError(`Shard ${options.shard.index}: ${reasons.join("; ")}`);
}

async function downloadFrom(address: HostAndPort, options: DownloadOptions): Promise<ManifestShard> {
  const client = await ReplicationClient.connect(address, options.tls);
  try {
    const slots = await introduce(client, options);
    const received = await receive(client, options);
    const shown = `${address.host}:${address.port}`;
    const { index } = options.shard;
    options.log(`Shard ${index}: ${received.keys} keys, ${received.sizeBytes} bytes from ${shown}`);
    return { index, file: shardFileName(index), ...received, source: shown, ...(slots === undefined ? {} : { slots }) };
  } finally {
    client.close();
  }
}

/** Says who we are and that we want a snapshot only; gives the slots of the shard, if they are known. */
async function introduce(client: ReplicationClient, options: DownloadOptions): Promise<string | undefined> {
  const { userName, password, shard } = options;
  if (password !== "") await client.require("AUTH", ...(userName === "" ? [password] : [userName, password]));
  await client.require("PING");
  let { slots } = shard;
  if (slots === undefined) {
    const nodes = await client.command("CLUSTER", "NODES");
    if (Buffer.isBuffer(nodes)) slots = slotsOfMyShard(nodes.toString());
  }
  await client.require("REPLCONF", "capa", "eof");
  const onlySnapshot = await client.command("REPLCONF", "rdb-only", "1");
  if (onlySnapshot instanceof RespError) options.log(`Shard ${shard.index}: ${onlySnapshot.message}`);
  return slots;
}

async function receive(client: ReplicationClient, { disk, directory, shard, verify }: DownloadOptions) {
  const partial = path.join(directory, partialFileName(shard.index));
  const hash = createHash("sha256");
  const counter = new KeyCounter();
  const reader = new RdbReader({ handler: counter, verifyChecksum: true });
  const file = disk.create(partial);
  let sizeBytes = 0;
  try {
    await client.snapshot((bytes) => {
      file.append(bytes, 0, bytes.length);
      hash.update(bytes);
      sizeBytes += bytes.length;
      reader.push(bytes, 0, bytes.length);
    });
    reader.finish();
    file.sync();
  } finally {
    file.close();
  }
  const sha256 = hash.digest("hex");
  if (verify) verifyFile(disk, partial, sha256);
  disk.rename(partial, path.join(directory, shardFileName(shard.index)));
  disk.syncDirectory(directory);
  return { sizeBytes, keys: counter.keys, sha256 };
}

function verifyFile(disk: Disk, name: string, sha256: string): void {
  const file = disk.openToRead(name);
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  try {
    for (let at = 0; ; ) {
      const count = file.read(buffer, 0, READ_BYTES, at);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      at += count;
    }
  } finally {
    file.close();
  }
  if (hash.digest("hex") !== sha256) throw new Error(`Verification of "${name}" failed: it differs from what was sent`);
}
