/** For tests: RDB files put together byte by byte, for what no server at hand writes. */

import { CollectingHandler } from "./collecting-handler.ts";
import { Crc64 } from "./crc64.ts";
import { CHECKSUM_BYTES, FIRST_VERSION_WITH_CHECKSUM } from "./rdb-format.ts";
import { RdbReader } from "./rdb-reader.ts";

const SPACE = /\s+/g;

export function hex(text: string): Buffer {
  return Buffer.from(text.replace(SPACE, ""), "hex");
}

/** A length-prefixed string of fewer than 64 bytes. */
export function short(bytes: Buffer | string): Buffer {
  const body = Buffer.from(bytes);
  return Buffer.concat([Buffer.from([body.length]), body]);
}

/** Eight bytes, least significant first. */
export function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}

/** A file of Redis. */
export function file(version: number, ...parts: (Buffer | string)[]): Buffer {
  const magic = `REDIS${String(version).padStart(4, "0")}`;
  const hasChecksum = version >= FIRST_VERSION_WITH_CHECKSUM;
  return fileOf(magic, hasChecksum, parts);
}

export function valkeyFile(...parts: (Buffer | string)[]): Buffer {
  return fileOf("VALKEY080", true, parts);
}

function fileOf(magic: string, hasChecksum: boolean, parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat([Buffer.from(magic), ...parts.map((part) => Buffer.from(part)), hex("ff")]);
  return hasChecksum ? sealed(Buffer.concat([body, Buffer.alloc(CHECKSUM_BYTES)])) : body;
}

/** The file with the checksum of what it holds now. */
export function sealed(bytes: Buffer): Buffer {
  const crc = new Crc64();
  crc.update(bytes, 0, bytes.length - CHECKSUM_BYTES);
  crc.write(bytes, bytes.length - CHECKSUM_BYTES);
  return bytes;
}

/** Reads a whole file, so many bytes at a time. */
export function read(bytes: Buffer, step = bytes.length): CollectingHandler {
  const handler = new CollectingHandler();
  const reader = new RdbReader({ handler, verifyChecksum: true });
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes, at, Math.min(at + step, bytes.length));
  reader.finish();
  return handler;
}

/** The value of the one key in a file of Redis. */
export function readValue(version: number, type: number, ...value: Buffer[]): unknown {
  return read(file(version, Buffer.from([type]), short("k"), ...value)).keys["0:k"]?.value;
}

/** A ziplist of these entries, each given in hex as encoding and payload. */
export function ziplist(parts: readonly string[]): Buffer {
  const entries: Buffer[] = [];
  let previous = 0;
  for (const part of parts) {
    const entry = Buffer.concat([Buffer.from([previous]), hex(part)]);
    entries.push(entry);
    previous = entry.length;
  }
  const body = Buffer.concat(entries);
  const header = Buffer.alloc(10);
  header.writeUInt32LE(body.length + 11, 0);
  header.writeUInt32LE(10 + body.length - previous, 4);
  header.writeUInt16LE(parts.length, 8);
  return Buffer.concat([header, body, hex("ff")]);
}

/** A listpack of these entries, each given in hex with its length behind it. */
export function listpack(entries: readonly string[]): Buffer {
  const body = hex(entries.join(""));
  const header = Buffer.alloc(6);
  header.writeUInt32LE(body.length + 7, 0);
  header.writeUInt16LE(entries.length, 4);
  return Buffer.concat([header, body, hex("ff")]);
}
