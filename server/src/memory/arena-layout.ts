/**
 * The geometry of the arena, shared by everything that reads its bytes.
 *
 * A handle is a positive 31-bit integer: chunk (8 bits) and granule of 8 bytes inside the chunk (23 bits), so 256 chunks of
 * 64 MiB = 16 GiB, and it stays a small integer for the engine. From the same number follow the page (`>>> 13`, 64 KiB)
 * and the block (`>>> 9`, 4 KiB, the unit of a snapshot). A page holds blocks of one size class and one kind.
 */

export type Handle = number;

export const GRANULE_BYTES = 8;
export const CHUNK_SHIFT = 23;
export const GRANULE_MASK = 0x7fffff;
export const CHUNK_BYTES = 64 * 1024 * 1024;
/** 8 bits of the handle. */
export const MAX_CHUNKS = 256;
export const PAGE_BYTES = 64 * 1024;
export const PAGE_SHIFT = 13;
export const PAGE_GRANULES = PAGE_BYTES / GRANULE_BYTES;
export const PAGES_PER_CHUNK = CHUNK_BYTES / PAGE_BYTES;
export const CHUNK_OF_PAGE_SHIFT = 10;
export const BLOCK_SHIFT = 9;
export const BLOCKS_PER_PAGE_SHIFT = PAGE_SHIFT - BLOCK_SHIFT;
/** Larger blocks take whole pages: from half a page on, a class could hold no two of them. */
export const MAX_CLASS_BYTES = 32 * 1024;
/** The largest value a client can send is 512 MiB; twice that leaves room for slack when it grows. */
export const MAX_ALLOCATION_BYTES = 1024 * 1024 * 1024;

/** Parts of collections and indexes: reached through their owner only, never walked. */
export const NODE = 0;
/** Keyspace records without an expiry time. */
export const RECORD = 1;
/** Keyspace records with an expiry time: together, so that the expiry cycle looks at nothing else. */
export const VOLATILE_RECORD = 2;
export type PageKind = typeof NODE | typeof RECORD | typeof VOLATILE_RECORD;

/** First word of a free block; no record begins with it, because the type in a record's first word is never 0xff. */
export const FREE_MARK = -1;

/** A bin is a kind and a size class: `kind << 7 | class`. Class 0 is a free page. */
export const BIN_KIND_SHIFT = 7;
export const BIN_CLASS_MASK = 127;
export const BIN_COUNT = 3 << BIN_KIND_SHIFT;
export const FREE_PAGE = 0;
export const RUN_CLASS = 121;
export const RUN_TAIL_CLASS = 122;
export const OWN_CHUNK_CLASS = 123;

const FINE_STEP_GRANULES = 16;
const STEPS_PER_DOUBLING_SHIFT = 3;
const MAX_CLASS_GRANULES = MAX_CLASS_BYTES / GRANULE_BYTES;

const tables = buildClasses();
/** Size in granules by class: every 8 bytes to 128, then 8 classes a doubling (4 % waste on a random mix of sizes). */
export const CLASS_GRANULES: Int32Array = tables.granules;
/** Blocks a page by class. */
export const CLASS_CAPACITY: Int32Array = tables.capacity;
/** The class of a size in granules, to 32 KiB. */
export const CLASS_OF_GRANULES: Uint8Array = tables.classOf;

function buildClasses(): { granules: Int32Array; capacity: Int32Array; classOf: Uint8Array } {
  const granules = new Int32Array(128);
  const capacity = new Int32Array(128);
  const classOf = new Uint8Array(MAX_CLASS_GRANULES + 1);
  let sizeClass = 1;
  let size = 1;
  let smaller = 0;
  while (size <= MAX_CLASS_GRANULES) {
    granules[sizeClass] = size;
    capacity[sizeClass] = Math.floor(PAGE_GRANULES / size);
    classOf.fill(sizeClass, smaller + 1, size + 1);
    smaller = size;
    size += size < FINE_STEP_GRANULES ? 1 : 1 << (31 - Math.clz32(size) - STEPS_PER_DOUBLING_SHIFT);
    sizeClass++;
  }
  classOf[0] = 1;
  return { granules, capacity, classOf };
}
