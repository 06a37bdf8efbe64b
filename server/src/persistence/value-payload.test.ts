import { expect, test } from "vitest";
import { ByteSpan } from "../memory/byte-span.ts";
import { Crc64 } from "./crc64.ts";
import { hex, int64, short } from "./hand-made-rdb.ts";
import { LiveKeyspace, readFile } from "./live-keyspace.ts";
import { ValuePayloads } from "./value-payload.ts";

const MOMENT_MS = 2_000_000_000_123;
const VALKEY_HASH = [hex("16 02"), short("a"), short("1"), int64(MOMENT_MS), short("b"), short("2"), int64(-1)];
const VALKEY_HASH_READ = { a: `1 until ${MOMENT_MS}`, b: "2" };
const EARLY_HASH = [hex("16 01 81"), int64(MOMENT_MS).reverse(), short("a"), short("1")];
const EARLY_HASH_READ = { a: `1 until ${MOMENT_MS}` };

function payload(version: number, value: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([...value, Buffer.from([version, 0]), Buffer.alloc(8)]);
  const checksum = new Crc64();
  checksum.update(bytes, 0, bytes.length - 8);
  checksum.write(bytes, bytes.length - 8);
  return bytes;
}

/** What becomes of the key `k`; undefined if the payload is refused. */
function restore(bytes: Buffer): unknown {
  const live = new LiveKeyspace();
  const payloads = new ValuePayloads({ ...live, compress: () => false });
  if (!payloads.isIntact(bytes, 0, bytes.length)) return undefined;
  const name = new ByteSpan();
  name.set(Buffer.from("k"), 0, 1);
  if (!payloads.read({ name, expireAtMs: 0 }, bytes, 0, bytes.length)) return undefined;
  payloads.place(name, live.keyspace.database(0));
  return readFile(live.save()).keys["0:k"]?.value;
}

test("the version of a payload says whose types it has", () => {
  expect(restore(payload(80, VALKEY_HASH))).toEqual(VALKEY_HASH_READ);
  expect(restore(payload(12, EARLY_HASH))).toEqual(EARLY_HASH_READ);
  expect(restore(payload(12, VALKEY_HASH))).toBeUndefined();
  expect(restore(payload(80, EARLY_HASH))).toBeUndefined();
});

test("payloads of other versions are refused", () => {
  const string = [hex("00"), short("v")];
  expect([0, 10, 11, 12, 80].map((version) => restore(payload(version, string)))).toEqual(Array(5).fill("v"));
  expect([13, 79, 81].map((version) => restore(payload(version, string)))).toEqual(Array(3).fill(undefined));
});
