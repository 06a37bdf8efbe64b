/** What scripts can set of `cjson`: it holds for all scripts after them, as in Redis. */

export interface JsonSettings {
  convertsSparse: boolean;
  sparseRatio: number;
  sparseSafe: number;
  encodeDepth: number;
  decodeDepth: number;
  precision: number;
  keepsBuffer: boolean;
  encodesInvalidNumbers: boolean;
  decodesInvalidNumbers: boolean;
}

export function defaultJsonSettings(): JsonSettings {
  return {
    convertsSparse: false,
    sparseRatio: 2,
    sparseSafe: 10,
    encodeDepth: 1000,
    decodeDepth: 1000,
    precision: 14,
    keepsBuffer: true,
    encodesInvalidNumbers: false,
    decodesInvalidNumbers: true,
  };
}
