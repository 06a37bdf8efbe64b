/**
 * When a replica was surely following: it has acknowledged a byte of the stream that was not written before that moment. The
 * time at which its acknowledgement came proves nothing: it may have been on its way for long.
 */

/** More are not waited for: who is that far behind proves nothing recent. */
const MOST_BEATS = 64;

interface Beat {
  readonly offset: number;
  readonly atMs: number;
}

export class Heartbeat {
  #beats: Beat[] = [];
  /** The last such moment. */
  heardMs = Number.NEGATIVE_INFINITY;

  /** Something was written at this moment; the stream ends at `offset` with it. */
  beat(offset: number, atMs: number): void {
    if (this.#beats.length === MOST_BEATS) this.#beats.shift();
    this.#beats.push({ offset, atMs });
  }

  acknowledged(offset: number): void {
    for (let beat = this.#beats[0]; beat !== undefined && beat.offset <= offset; beat = this.#beats[0]) {
      this.heardMs = beat.atMs;
      this.#beats.shift();
    }
  }

  /** Another history begins. */
  restart(): void {
    this.#beats = [];
    this.heardMs = Number.NEGATIVE_INFINITY;
  }
}
