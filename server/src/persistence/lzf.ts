/**
 * LZF, the compression of long strings in RDB files. A control byte below 32 starts a run of that many plus one literal
 * bytes; any other starts a copy of 3 to 264 bytes from up to 8 KiB back: length − 2 in the high three bits (7: one more
 * byte of length follows), then thirteen bits of distance − 1.
 *
 * The compressor remembers where it last saw each three bytes. Its table is never cleared: positions of earlier inputs
 * lie below `#base`, and so count as absent.
 */

const TABLE_BITS = 14;
const MAX_DISTANCE = 1 << 13;
const MAX_COPY = 264;
const MAX_LITERALS = 32;
const LARGEST_BASE = 0x3fffffff;

export class LzfCompressor {
  readonly #table = new Int32Array(1 << TABLE_BITS);
  #base = 1;

  /** Number of bytes written to `output` from `at`, or 0 if they would not be fewer than `limit`. */
  compress(input: Uint8Array, start: number, length: number, output: Uint8Array, at: number, limit: number): number {
    if (this.#base > LARGEST_BASE - length) this.#forget();
    const table = this.#table;
    const shift = this.#base - start;
    this.#base += length;
    const end = start + length;
    const outputEnd = at + limit - 1;
    let from = start;
    let to = at + 1;
    let literals = 0;
    while (from < end - 2) {
      const slot = slotOf(input, from);
      const seen = (table[slot] as number) - shift;
      table[slot] = from + shift;
      if (seen < start || from - seen > MAX_DISTANCE || !sameThree(input, seen, from)) {
        if (to >= outputEnd) return 0;
        output[to++] = input[from++] as number;
        if (++literals === MAX_LITERALS) {
          output[to - literals - 1] = MAX_LITERALS - 1;
          literals = 0;
          to++;
        }
        continue;
      }
      if (literals === 0) to--;
      else output[to - literals - 1] = literals - 1;
      if (to + 4 > outputEnd) return 0;
      const copied = copyLength(input, seen, from, end);
      to = writeCopy(output, to, from - seen - 1, copied - 2);
      from += copied;
      literals = 0;
      to++;
    }
    return finish(input, from, end, output, to, literals, outputEnd, at);
  }

  #forget(): void {
    this.#table.fill(0);
    this.#base = 1;
  }
}

function slotOf(input: Uint8Array, at: number): number {
  const three = ((input[at] as number) << 16) | ((input[at + 1] as number) << 8) | (input[at + 2] as number);
  return Math.imul(three, 0x9e3779b1) >>> (32 - TABLE_BITS);
}

function sameThree(input: Uint8Array, left: number, right: number): boolean {
  return input[left] === input[right] && input[left + 1] === input[right + 1] && input[left + 2] === input[right + 2];
}

function copyLength(input: Uint8Array, seen: number, from: number, end: number): number {
  const longest = Math.min(end - from, MAX_COPY);
  let length = 3;
  while (length < longest && input[seen + length] === input[from + length]) length++;
  return length;
}

function writeCopy(output: Uint8Array, to: number, distance: number, length: number): number {
  if (length < 7) {
    output[to++] = (distance >>> 8) | (length << 5);
  } else {
    output[to++] = (distance >>> 8) | (7 << 5);
    output[to++] = length - 7;
  }
  output[to++] = distance;
  return to;
}

/** The last bytes are literals: three are needed to look one up. */
function finish(
  input: Uint8Array,
  from: number,
  end: number,
  output: Uint8Array,
  to: number,
  literals: number,
  outputEnd: number,
  at: number,
): number {
  while (from < end) {
    if (to >= outputEnd) return 0;
    output[to++] = input[from++] as number;
    if (++literals < MAX_LITERALS) continue;
    output[to - literals - 1] = MAX_LITERALS - 1;
    literals = 0;
    to++;
  }
  if (literals === 0) to--;
  else output[to - literals - 1] = literals - 1;
  return to > outputEnd ? 0 : to - at;
}

/** The most bytes that `compressed` bytes can stand for: every three bytes a copy of the longest kind. */
export function mostDecompressed(compressed: number): number {
  return Math.ceil(compressed / 3) * MAX_COPY;
}

/** Fills `output[0..size)` from exactly `length` compressed bytes; false if they are not such. */
export function decompressLzf(input: Buffer, start: number, length: number, output: Buffer, size: number): boolean {
  const end = start + length;
  let from = start;
  let to = 0;
  while (from < end) {
    const control = input[from++] as number;
    if (control < MAX_LITERALS) {
      const count = control + 1;
      if (from + count > end || to + count > size) return false;
      for (let k = 0; k < count; k++) output[to++] = input[from++] as number;
      continue;
    }
    let count = (control >>> 5) + 2;
    if (count === 9) {
      if (from >= end) return false;
      count += input[from++] as number;
    }
    if (from >= end) return false;
    let source = to - (((control & 31) << 8) | (input[from++] as number)) - 1;
    if (source < 0 || to + count > size) return false;
    for (let k = 0; k < count; k++) output[to++] = output[source++] as number;
  }
  return to === size;
}
