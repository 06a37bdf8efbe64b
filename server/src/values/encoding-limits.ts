/**
 * Up to which size collections keep their packed encodings: the values of Redis' `*-max-*` directives. One object for the
 * whole server; CONFIG SET changes it in place, and a value converts when it is next written to.
 */

export interface EncodingLimits {
  /** Positive: entries a block; −1 to −5: 4, 8, 16, 32 or 64 KiB a block. */
  listMaxListpackSize: number;
  hashMaxListpackEntries: number;
  hashMaxListpackValue: number;
  setMaxIntsetEntries: number;
  setMaxListpackEntries: number;
  setMaxListpackValue: number;
  zsetMaxListpackEntries: number;
  zsetMaxListpackValue: number;
  /** Of one block of a stream; 0: no limit. */
  streamNodeMaxBytes: number;
  streamNodeMaxEntries: number;
}

export function defaultEncodingLimits(): EncodingLimits {
  return {
    listMaxListpackSize: -2,
    hashMaxListpackEntries: 512,
    hashMaxListpackValue: 64,
    setMaxIntsetEntries: 512,
    setMaxListpackEntries: 128,
    setMaxListpackValue: 64,
    zsetMaxListpackEntries: 128,
    zsetMaxListpackValue: 64,
    streamNodeMaxBytes: 4096,
    streamNodeMaxEntries: 100,
  };
}

const SAFE_BLOCK_BYTES = 8192;
const SMALLEST_BLOCK_BYTES = 4096;

/** How many bytes a block of a list may take. */
export function listBlockBytes(limits: EncodingLimits): number {
  const size = limits.listMaxListpackSize;
  return size >= 0 ? SAFE_BLOCK_BYTES : SMALLEST_BLOCK_BYTES << (Math.min(5, -size) - 1);
}

/** How many entries a block of a list may hold. */
export function listBlockEntries(limits: EncodingLimits): number {
  const size = limits.listMaxListpackSize;
  return size >= 0 ? Math.max(1, size) : Number.POSITIVE_INFINITY;
}
