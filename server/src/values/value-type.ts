/**
 * The types and encodings of values, as the byte in a keyspace record holds them: type in the high half, encoding in the
 * low half. Names are those of TYPE and OBJECT ENCODING.
 */

export const ValueType = { string: 1, list: 2, set: 3, sortedSet: 4, hash: 5, stream: 6 } as const;
export type ValueType = (typeof ValueType)[keyof typeof ValueType];

export const Encoding = {
  raw: 0,
  embstr: 1,
  int: 2,
  listpack: 3,
  quicklist: 4,
  intset: 5,
  hashtable: 6,
  skiplist: 7,
  stream: 8,
  /** A listpack of fields, values and expiry times. */
  listpackex: 9,
  /** A hash table some of whose fields have an expiry time. To users it is a hashtable as well. */
  expiringTable: 10,
} as const;
export type Encoding = (typeof Encoding)[keyof typeof Encoding];

const TYPE_NAMES = ["none", "string", "list", "set", "zset", "hash", "stream"] as const;
const ENCODING_NAMES = [
  "raw",
  "embstr",
  "int",
  "listpack",
  "quicklist",
  "intset",
  "hashtable",
  "skiplist",
  "stream",
  "listpackex",
  "hashtable",
] as const;

/** A hash that has, or had, fields with an expiry time. */
export function isExpiringHash(encoding: number): boolean {
  return encoding === Encoding.listpackex || encoding === Encoding.expiringTable;
}

/** One block of memory, small by its limits. */
export function isPackedEncoding(encoding: number): boolean {
  return encoding === Encoding.listpack || encoding === Encoding.listpackex || encoding === Encoding.intset;
}

/** As the TYPE command names it; "none" for 0. */
export function typeName(type: number): string {
  return TYPE_NAMES[type] ?? "none";
}

/** As OBJECT ENCODING names it. */
export function encodingName(encoding: number): string {
  return ENCODING_NAMES[encoding] ?? "unknown";
}
