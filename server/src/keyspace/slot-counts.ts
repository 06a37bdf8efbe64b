/** How many keys each cluster slot has, kept up to date as keys come and go. Exists in cluster mode only. */

import { keySlot, SLOT_COUNT } from "@kvcluster/protocol/slots";

export class SlotCounts {
  readonly #counts = new Int32Array(SLOT_COUNT);

  countIn(slot: number): number {
    return this.#counts[slot] as number;
  }

  change(buffer: Buffer, offset: number, length: number, by: number): void {
    const slot = keySlot(buffer, offset, length);
    this.#counts[slot] = (this.#counts[slot] as number) + by;
  }

  clear(): void {
    this.#counts.fill(0);
  }
}
