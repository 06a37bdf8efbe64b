/**
 * The registers of a sparse HyperLogLog as runs:
 *
 *   00llllll            1 to 64 zeros
 *   01llllll llllllll   1 to 16,384 zeros
 *   1vvvvvll            1 to 4 registers with the value 1 to 32
 *
 * Setting a register splits the run that covers it in up to three, then joins neighbours of the same value. Redis looks for
 * them in the five runs from the one before on, and so must this, or the bytes would differ.
 */

export const LARGEST_SPARSE_VALUE = 32;
/** How much longer one register can make the runs. */
export const SPARSE_GROWTH_BYTES = 3;

/** What setSparseRegister gives in place of a new end. */
export const SparseResult = { unchanged: -1, corrupt: -2, tooLong: -3 } as const;

const VALUE_BIT = 0x80;
const LONG_ZEROS_BIT = 0x40;
const LONGEST_SHORT_ZEROS = 64;
const LONGEST_VALUES = 4;
const JOINED_RUNS = 5;

export function isValueRun(bytes: Buffer, at: number): boolean {
  return ((bytes[at] as number) & VALUE_BIT) !== 0;
}

export function isLongZeros(bytes: Buffer, at: number): boolean {
  return ((bytes[at] as number) & (VALUE_BIT | LONG_ZEROS_BIT)) === LONG_ZEROS_BIT;
}

export function opcodeBytes(bytes: Buffer, at: number): number {
  return isLongZeros(bytes, at) ? 2 : 1;
}

/** Registers that the run covers. A second byte that is cut off counts as 0. */
export function runLength(bytes: Buffer, at: number, end: number): number {
  const byte = bytes[at] as number;
  if ((byte & VALUE_BIT) !== 0) return (byte & 3) + 1;
  if ((byte & LONG_ZEROS_BIT) === 0) return byte + 1;
  return (((byte & 63) << 8) | (at + 1 < end ? (bytes[at + 1] as number) : 0)) + 1;
}

/** The value of the run's registers, 0 for zeros. */
export function runValue(bytes: Buffer, at: number): number {
  const byte = bytes[at] as number;
  return (byte & VALUE_BIT) === 0 ? 0 : ((byte >>> 2) & 31) + 1;
}

/** The value of a register, or SparseResult.corrupt if no run covers it. */
export function sparseRegister(bytes: Buffer, start: number, end: number, index: number): number {
  let first = 0;
  for (let at = start; at < end; at += opcodeBytes(bytes, at)) {
    first += runLength(bytes, at, end);
    if (index < first) return runValue(bytes, at);
  }
  return SparseResult.corrupt;
}

/**
 * Raises a register in the runs from `start` to `end`, behind which there must be room for SPARSE_GROWTH_BYTES; they may not
 * grow beyond `longest` bytes. Gives the new end, or a SparseResult, with which nothing has changed.
 */
export function setSparseRegister(
  bytes: Buffer,
  start: number,
  end: number,
  index: number,
  value: number,
  longest: number,
): number {
  let at = start;
  let previous = start;
  let first = 0;
  let span = 0;
  while (at < end) {
    span = runLength(bytes, at, end);
    if (index < first + span) break;
    previous = at;
    at += opcodeBytes(bytes, at);
    first += span;
  }
  const size = at < end ? opcodeBytes(bytes, at) : 0;
  if (at >= end || at + size > end) return SparseResult.corrupt;
  const old = runValue(bytes, at);
  if (old >= value) return SparseResult.unchanged;
  if (span === 1 && size === 1) {
    bytes[at] = valueRun(value, 1);
    return joinRuns(bytes, previous, end);
  }
  const before = index - first;
  const after = first + span - 1 - index;
  const newSize = runBytes(old, before) + 1 + runBytes(old, after);
  const growth = newSize - size;
  if (growth > 0 && end - start + growth > longest) return SparseResult.tooLong;
  if (growth !== 0) bytes.copyWithin(at + newSize, at + size, end);
  const middle = writeRun(bytes, at, old, before);
  bytes[middle] = valueRun(value, 1);
  writeRun(bytes, middle + 1, old, after);
  return joinRuns(bytes, previous, end + growth);
}

function valueRun(value: number, length: number): number {
  return VALUE_BIT | ((value - 1) << 2) | (length - 1);
}

function runBytes(value: number, length: number): number {
  if (length === 0) return 0;
  return value === 0 && length > LONGEST_SHORT_ZEROS ? 2 : 1;
}

/** Gives the place after the run. */
function writeRun(bytes: Buffer, at: number, value: number, length: number): number {
  if (length === 0) return at;
  if (value !== 0) bytes[at] = valueRun(value, length);
  else if (length <= LONGEST_SHORT_ZEROS) bytes[at] = length - 1;
  else {
    bytes[at] = LONG_ZEROS_BIT | ((length - 1) >>> 8);
    bytes[at + 1] = (length - 1) & 0xff;
    return at + 2;
  }
  return at + 1;
}

function joinRuns(bytes: Buffer, from: number, oldEnd: number): number {
  let end = oldEnd;
  let at = from;
  for (let scanned = 0; at < end && scanned < JOINED_RUNS; scanned++) {
    const next = at + 1;
    if (!isValueRun(bytes, at)) {
      at += opcodeBytes(bytes, at);
      continue;
    }
    if (next < end && isValueRun(bytes, next) && runValue(bytes, at) === runValue(bytes, next)) {
      const length = runLength(bytes, at, end) + runLength(bytes, next, end);
      if (length <= LONGEST_VALUES) {
        bytes[next] = valueRun(runValue(bytes, at), length);
        bytes.copyWithin(at, next, end);
        end--;
        continue;
      }
    }
    at++;
  }
  return end;
}
