/** How many keys each cluster slot has, kept up to date as keys come and go. Exists in cluster mode only. */

import { keySlot, SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { SlotKeys } from "./slot-keys.ts";

export class SlotCounts {
  #counts = new Int32Array(SLOT_COUNT);
  readonly #hash: (buffer: Buffer, offset: number, length: number) => number;
  /** Which keys these are; undefined until somebody asks. */
  listed: SlotKeys | undefined;

  /** `hash` as the database's index has it. */
  constructor(hash: (buffer: Buffer, offset: number, length: number) => number) {
    this.#hash = hash;
  }

  countIn(slot: number): number {
    return this.#counts[slot] as number;
  }

  entered(buffer: Buffer, offset: number, length: number): void {
    const slot = keySlot(buffer, offset, length);
    this.#counts[slot] = (this.#counts[slot] as number) + 1;
    if (this.listed === undefined) return;
    this.listed.add(slot, this.#hash(buffer, offset, length));
    if (this.listed.isOutdated) this.listed = undefined;
  }

  left(buffer: Buffer, offset: number, length: number): void {
    const slot = keySlot(buffer, offset, length);
    this.#counts[slot] = (this.#counts[slot] as number) - 1;
  }

  swap(other: SlotCounts): void {
    [this.#counts, other.#counts] = [other.#counts, this.#counts];
    [this.listed, other.listed] = [other.listed, this.listed];
  }

  clear(): void {
    this.#counts.fill(0);
    this.listed = undefined;
  }
}
