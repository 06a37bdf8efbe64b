/**
 * A backup in an S3-compatible store, by Amazon's client library: objects `<prefix>/<name>`. Files go through a directory of this
 * machine, one at a time when a backup is taken, all of them when one is restored. An object is there as a whole or not at all; a file
 * that is to be verified is read back.
 */

import { createHash } from "node:crypto";
import fs from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import type { BackupPlace } from "./backup-place.ts";
import type { S3Address } from "./s3-address.ts";

const NO_CHECKSUMS = {
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
} as const;
/** With the 10,000 parts that an object may have: files of up to 160 GB. */
const PART_BYTES = 16 << 20;
/** A backup has a file for each shard; this many names are far more. */
const MAX_PAGES = 10;

export function s3Place(address: S3Address): BackupPlace {
  const { bucket, prefix, scratch = tmpdir() } = address;
  const client = new S3Client(clientConfig(address));
  const directory = fs.mkdtempSync(path.join(scratch, "kv-backup-"));
  const at = (name: string) => ({ Bucket: bucket, Key: `${prefix}/${name}` });
  const get = (name: string) => client.send(new GetObjectCommand(at(name)));
  const body = async (name: string): Promise<Readable> => (await get(name)).Body as Readable;
  return {
    name: `s3://${bucket}/${prefix}`,
    directory,
    list: async () => {
      const names = await listNames(client, bucket, `${prefix}/`);
      return names.length === 0 ? undefined : names;
    },
    readText: async (name) => {
      try {
        return await (await get(name)).Body?.transformToString();
      } catch (reason) {
        if (reason instanceof NoSuchKey) return undefined;
        throw reason;
      }
    },
    writeText: async (name, text) => {
      await client.send(new PutObjectCommand({ ...at(name), Body: text, ContentType: "application/json" }));
    },
    keep: async (name, sha256) => {
      const file = path.join(directory, name);
      const params = { ...at(name), Body: fs.createReadStream(file, { highWaterMark: 1 << 20 }) };
      await new Upload({ client, params, partSize: PART_BYTES, queueSize: 2 }).done();
      if (sha256 !== undefined && (await hashOf(await body(name))) !== sha256)
        throw new Error(`Verification of "${name}" failed: the store gives back something else`);
      fs.rmSync(file);
    },
    fetch: async (name) => pipeline(await body(name), fs.createWriteStream(path.join(directory, name))),
    remove: async (name) => {
      await client.send(new DeleteObjectCommand(at(name)));
    },
    removeItself: async () => undefined,
    close: () => {
      client.destroy();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Stores of others are told of the bucket in the path, names of hosts are Amazon's way, and are given no checksums of Amazon's, which
 * not all of them know: files have those of the manifest.
 */
function clientConfig({ endpoint, region, credentials }: S3Address): S3ClientConfig {
  const own = endpoint === undefined ? {} : { endpoint, forcePathStyle: true, ...NO_CHECKSUMS };
  if (credentials === undefined) return { region, ...own };
  const read = (name: string): string | undefined => {
    const file = path.join(credentials, name);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : undefined;
  };
  const [accessKeyId, secretAccessKey] = [read("access-key-id"), read("secret-access-key")];
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error(`"${credentials}" must hold files access-key-id and secret-access-key`);
  const [sessionToken, ca] = [read("session-token"), read("ca.crt")];
  return {
    ...{ region, ...own },
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    ...(ca === undefined ? {} : { requestHandler: { httpsAgent: new Agent({ ca, keepAlive: true }) } }),
  };
}

async function listNames(client: S3Client, bucket: string, prefix: string): Promise<readonly string[]> {
  const names: string[] = [];
  let from: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const token = from === undefined ? {} : { ContinuationToken: from };
    const answer = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...token }));
    for (const { Key = "" } of answer.Contents ?? []) names.push(Key.slice(prefix.length));
    from = answer.NextContinuationToken;
    if (from === undefined) return names;
  }
  throw new Error(`Too much lies below "${prefix}" to be a backup`);
}

async function hashOf(stream: Readable): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
