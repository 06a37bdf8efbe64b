/**
 * The numbers of the RDB format. A file is a magic with a version, a sequence of opcodes, each with what belongs to it,
 * and a checksum. An opcode below 64 is the type of the value of a key. Lengths take 1, 2, 5 or 9 bytes; a length of the
 * fourth kind says instead how a string is encoded. Redis and Valkey number types from 22 on each in their own way.
 */

import { Encoding, ValueType } from "../values/value-type.ts";

export const RDB_WRITE_VERSION = 10;
/** Where a hash has fields with an expiry time, which servers before 7.4 do not know. */
export const RDB_WRITE_VERSION_WITH_FIELD_EXPIRY = 12;
export const RDB_NEWEST_VERSION = 12;
export const RDB_MAGIC_BYTES = 9;
export const CHECKSUM_BYTES = 8;
/** Files of this version and later end with a checksum. */
export const FIRST_VERSION_WITH_CHECKSUM = 5;

export const Opcode = {
  /** Of Valkey alone: slots that the server was taking over from another. */
  slotImport: 243,
  slotInfo: 244,
  function2: 245,
  functionBeforeRelease: 246,
  moduleAux: 247,
  idle: 248,
  frequency: 249,
  aux: 250,
  resize: 251,
  expireMs: 252,
  expireSeconds: 253,
  selectDatabase: 254,
  end: 255,
} as const;

export const RdbType = {
  string: 0,
  list: 1,
  set: 2,
  sortedSet: 3,
  hash: 4,
  sortedSetBinary: 5,
  hashZipmap: 9,
  listZiplist: 10,
  setIntset: 11,
  sortedSetZiplist: 12,
  hashZiplist: 13,
  listQuicklist: 14,
  hashListpack: 16,
  sortedSetListpack: 17,
  listQuicklist2: 18,
  streamListpacks: 15,
  streamListpacks2: 19,
  setListpack: 20,
  streamListpacks3: 21,
  /** Hashes with expiring fields: of release candidates (times as they are) and of 7.4 (relative to the earliest). */
  hashFieldExpiryEarly: 22,
  hashListpackExpiryEarly: 23,
  hashFieldExpiry: 24,
  hashListpackExpiry: 25,
  /** Valkey's 22: a hash with expiring fields, each with its time behind it. Beyond a byte, for the number is another's too. */
  hashFieldExpiryValkey: 0x116,
} as const;

/** The type of value, and for those in one block its encoding, of each type in a file. */
export const RDB_TYPES: Readonly<Record<number, readonly [ValueType, Encoding | undefined]>> = {
  [RdbType.string]: [ValueType.string, undefined],
  [RdbType.list]: [ValueType.list, undefined],
  [RdbType.set]: [ValueType.set, undefined],
  [RdbType.sortedSet]: [ValueType.sortedSet, undefined],
  [RdbType.hash]: [ValueType.hash, undefined],
  [RdbType.sortedSetBinary]: [ValueType.sortedSet, undefined],
  [RdbType.listQuicklist]: [ValueType.list, undefined],
  [RdbType.listQuicklist2]: [ValueType.list, undefined],
  [RdbType.hashZipmap]: [ValueType.hash, Encoding.raw],
  [RdbType.listZiplist]: [ValueType.list, Encoding.raw],
  [RdbType.sortedSetZiplist]: [ValueType.sortedSet, Encoding.raw],
  [RdbType.hashZiplist]: [ValueType.hash, Encoding.raw],
  [RdbType.setIntset]: [ValueType.set, Encoding.intset],
  [RdbType.hashListpack]: [ValueType.hash, Encoding.listpack],
  [RdbType.sortedSetListpack]: [ValueType.sortedSet, Encoding.listpack],
  [RdbType.streamListpacks]: [ValueType.stream, undefined],
  [RdbType.streamListpacks2]: [ValueType.stream, undefined],
  [RdbType.streamListpacks3]: [ValueType.stream, undefined],
  [RdbType.setListpack]: [ValueType.set, Encoding.listpack],
  [RdbType.hashFieldExpiryEarly]: [ValueType.hash, undefined],
  [RdbType.hashFieldExpiry]: [ValueType.hash, undefined],
  [RdbType.hashListpackExpiryEarly]: [ValueType.hash, Encoding.listpackex],
  [RdbType.hashListpackExpiry]: [ValueType.hash, Encoding.listpackex],
  [RdbType.hashFieldExpiryValkey]: [ValueType.hash, undefined],
};

/** Whoever writes files: Valkey's name and versions are its own since it went its own way. */
export interface RdbProduct {
  readonly oldestVersion: number;
  readonly newestVersion: number;
  /** The types with numbers of its own, by the byte in the file. */
  readonly ownTypes: Readonly<Record<number, number>>;
  readonly hasSlotImports: boolean;
}

/** From here on a number means what the product says. */
const FIRST_OWN_TYPE = 22;

/** By the name at the head of a file. */
export const RDB_PRODUCTS = {
  REDIS: {
    oldestVersion: 1,
    newestVersion: RDB_NEWEST_VERSION,
    ownTypes: {
      22: RdbType.hashFieldExpiryEarly,
      23: RdbType.hashListpackExpiryEarly,
      24: RdbType.hashFieldExpiry,
      25: RdbType.hashListpackExpiry,
    },
    hasSlotImports: false,
  },
  VALKEY: {
    oldestVersion: 80,
    newestVersion: 80,
    ownTypes: { 22: RdbType.hashFieldExpiryValkey },
    hasSlotImports: true,
  },
} as const satisfies Readonly<Record<string, RdbProduct>>;

/** Whose format a version is, where no name says so; undefined if nobody's that we can read. */
export function productOfVersion(version: number): RdbProduct | undefined {
  const { REDIS, VALKEY } = RDB_PRODUCTS;
  if (version <= REDIS.newestVersion) return REDIS;
  return version >= VALKEY.oldestVersion && version <= VALKEY.newestVersion ? VALKEY : undefined;
}

/** Which of our types the byte in a product's file is; undefined if we know none. */
export function typeOfByte(product: RdbProduct, byte: number): number | undefined {
  const type = byte < FIRST_OWN_TYPE ? byte : product.ownTypes[byte];
  return type !== undefined && RDB_TYPES[type] !== undefined ? type : undefined;
}

/** What we cannot keep, by the name a user knows it by. */
export const UNSUPPORTED_TYPES: Readonly<Record<number, string>> = {
  6: "a module's value",
  7: "a module's value",
};

/** More slots than a cluster has cannot be taken over. */
export const MOST_SLOT_RANGES = 16_384;

/** Field expiry times have 48 bits. */
export const LATEST_FIELD_EXPIRY_MS = 2 ** 48 - 1;

/** Leading bits of a length. */
export const Length = { six: 0, fourteen: 1, word: 0x80, long: 0x81, encoded: 3 } as const;
export const StringEncoding = { int8: 0, int16: 1, int32: 2, lzf: 3 } as const;

/** A node of a quicklist2: one large element as it is, or a listpack of several. */
export const QuicklistNode = { plain: 1, packed: 2 } as const;
