/**
 * Which stream of changes the data is at which point of: replication id and offset. After a failover the id and offset of
 * the former primary are kept as the second pair, so that its other replicas can go on from there without a full sync.
 */

import type { Random } from "../platform/random.ts";

export const REPLICATION_ID_LENGTH = 40;
const NO_ID = "0".repeat(REPLICATION_ID_LENGTH);

export class History {
  readonly #random: Random;
  id: string;
  previousId = NO_ID;
  /** Up to this byte (exclusive), the stream of `previousId` is the same as ours; −1 for never. */
  previousOffset = -1;
  /** Bytes of the stream that the data set contains. */
  offset = 0;

  constructor(random: Random) {
    this.#random = random;
    this.id = random.hex(REPLICATION_ID_LENGTH);
  }

  /** We become a primary: what we write from now on is another stream that began like the old one. */
  branch(): void {
    this.previousId = this.id;
    this.previousOffset = this.offset + 1;
    this.id = this.#random.hex(REPLICATION_ID_LENGTH);
  }

  /** A full sync made us follow this stream. */
  follow(id: string, offset: number): void {
    this.id = id;
    this.offset = offset;
    this.forgetPrevious();
  }

  /** Our primary goes on under another id (it was promoted): the old one stays good for those behind us. */
  continueAs(id: string): void {
    if (id === this.id) return;
    this.previousId = this.id;
    this.previousOffset = this.offset + 1;
    this.id = id;
  }

  forgetPrevious(): void {
    this.previousId = NO_ID;
    this.previousOffset = -1;
  }

  /** A stream of no relation to any before. */
  restart(): void {
    this.id = this.#random.hex(REPLICATION_ID_LENGTH);
    this.forgetPrevious();
  }

  /** Whether one who has the stream `id` up to (not including) byte `next` has had the same bytes as we. */
  shares(id: string, next: number): boolean {
    if (id === this.id) return true;
    return id === this.previousId && next <= this.previousOffset;
  }
}
