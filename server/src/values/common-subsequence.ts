/**
 * The longest common subsequence of two strings: the table of lengths row by row, of which only the last row is kept, and one
 * bit a cell for the way back. Where several subsequences are as long, the way that Redis takes is the one taken.
 */

/** A stretch that both strings have in common; all places inclusive. */
export interface CommonRange {
  readonly leftStart: number;
  readonly leftEnd: number;
  readonly rightStart: number;
  readonly rightEnd: number;
}

export interface CommonSubsequence {
  readonly length: number;
  readonly bytes: Buffer;
  /** Last ones first. */
  readonly ranges: readonly CommonRange[];
}

const WORD_SHIFT = 5;
const WORD_MASK = 31;

export function commonLength(left: Buffer, right: Buffer): number {
  return fillTable(left, right, undefined);
}

export function commonSubsequence(left: Buffer, right: Buffer): CommonSubsequence {
  const stride = (right.length >> WORD_SHIFT) + 1;
  const upwards = new Int32Array(stride * (left.length + 1));
  const length = fillTable(left, right, upwards);
  const bytes = Buffer.alloc(length);
  const ranges: CommonRange[] = [];
  let at = length;
  let i = left.length;
  let j = right.length;
  let matched = 0;
  while (i > 0 && j > 0) {
    const isMatch = left[i - 1] === right[j - 1];
    if (isMatch) {
      bytes[--at] = left[i - 1] as number;
      matched++;
      i--;
      j--;
    }
    if (matched > 0 && (!isMatch || i === 0 || j === 0)) {
      ranges.push({ leftStart: i, leftEnd: i + matched - 1, rightStart: j, rightEnd: j + matched - 1 });
      matched = 0;
    }
    if (isMatch) continue;
    const word = upwards[i * stride + (j >> WORD_SHIFT)] as number;
    if (((word >>> (j & WORD_MASK)) & 1) === 1) i--;
    else j--;
  }
  return { length, bytes, ranges };
}

/** The length of the subsequence. With `upwards`, notes of each cell whether the one above it is larger than the one before. */
function fillTable(left: Buffer, right: Buffer, upwards: Int32Array | undefined): number {
  const width = right.length;
  const stride = (width >> WORD_SHIFT) + 1;
  const row = new Uint32Array(width + 1);
  for (let i = 1; i <= left.length; i++) {
    const byte = left[i - 1] as number;
    let diagonal = 0;
    let before = 0;
    let word = 0;
    for (let j = 1; j <= width; j++) {
      const above = row[j] as number;
      if (above > before) word |= 1 << (j & WORD_MASK);
      const value = byte === right[j - 1] ? diagonal + 1 : Math.max(above, before);
      if (upwards !== undefined && ((j & WORD_MASK) === WORD_MASK || j === width)) {
        upwards[i * stride + (j >> WORD_SHIFT)] = word;
        word = 0;
      }
      diagonal = above;
      row[j] = value;
      before = value;
    }
  }
  return row[width] as number;
}
