/**
 * Copying and comparing short byte ranges between buffers. A loop wins for short ranges, the native call above: its fixed
 * cost is that of about 32 looped bytes. Both sides must be `Buffer`s, so that the call sites stay monomorphic.
 */

const LOOP_BYTES = 32;

export function copyBytes(
  target: Buffer,
  targetOffset: number,
  source: Buffer,
  sourceOffset: number,
  length: number,
): void {
  if (length <= LOOP_BYTES) {
    for (let i = 0; i < length; i++) target[targetOffset + i] = source[sourceOffset + i] as number;
  } else {
    source.copy(target, targetOffset, sourceOffset, sourceOffset + length);
  }
}

/** Below zero, zero or above, as unsigned bytes, then by length: the order of Redis' members. */
export function compareBytes(
  left: Buffer,
  leftOffset: number,
  leftLength: number,
  right: Buffer,
  rightOffset: number,
  rightLength: number,
): number {
  const shorter = Math.min(leftLength, rightLength);
  for (let i = 0; i < shorter; i++) {
    const difference = (left[leftOffset + i] as number) - (right[rightOffset + i] as number);
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}
