/**
 * Work that is done a piece at a time: each step writes some of a value, between two of them others may have the thread. What
 * is being written must stay as it is until the end.
 */
export type Pieces = Generator<void, void>;

/** All of it at once. */
export function finishPieces(pieces: Pieces): void {
  while (pieces.next().done !== true);
}
