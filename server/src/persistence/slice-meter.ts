/** How many slices snapshots have been written in, and how long these kept the clients waiting. */

export class SliceMeter {
  #count = 0;
  #totalUs = 0;
  #longestUs = 0;

  /** A snapshot begins: the longest slice is asked for by snapshot. */
  begin(): void {
    this.#longestUs = 0;
  }

  add(elapsedUs: number): void {
    this.#count++;
    this.#totalUs += elapsedUs;
    this.#longestUs = Math.max(this.#longestUs, elapsedUs);
  }

  facts(): { readonly slices: number; readonly sliceSeconds: number; readonly longestSliceSeconds: number } {
    return { slices: this.#count, sliceSeconds: this.#totalUs / 1e6, longestSliceSeconds: this.#longestUs / 1e6 };
  }
}
