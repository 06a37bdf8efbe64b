/**
 * The time that commands take, for statistics and latency histograms. Those that can take long are timed one by one; what a
 * batch of requests takes beside them is shared evenly by the others, since reading the clock around each would cost more
 * than many of them.
 */

import type { CommandTable } from "../commands/command-table.ts";
import { bucketOf } from "../observability/latency-histograms.ts";

/** A batch is at most 64 KiB of requests, but large pending ones can be longer: the rest then shares nothing. */
const UNTIMED_REMEMBERED = 4096;

export class CommandTimes {
  readonly #table: CommandTable;
  /** Ids of the commands of this batch that were not timed. */
  readonly #untimed = new Int32Array(UNTIMED_REMEMBERED);
  #untimedCount = 0;
  #timedUs = 0;

  constructor(table: CommandTable) {
    this.#table = table;
  }

  beginBatch(): void {
    this.#timedUs = 0;
    this.#untimedCount = 0;
  }

  addTimed(id: number, elapsedUs: number): void {
    const { microseconds, latencies } = this.#table;
    this.#timedUs += elapsedUs;
    microseconds[id] = (microseconds[id] as number) + elapsedUs;
    if (latencies.isOn) latencies.record(id, bucketOf(elapsedUs));
  }

  addUntimed(id: number): void {
    if (this.#untimedCount < UNTIMED_REMEMBERED) this.#untimed[this.#untimedCount++] = id;
  }

  get hasUntimed(): boolean {
    return this.#untimedCount > 0;
  }

  /** What the batch took in all. */
  endBatch(elapsedUs: number): void {
    const { microseconds, latencies } = this.#table;
    const count = this.#untimedCount;
    // The time of commands inside EXEC counts twice, as theirs and as its: what is left can come out below nothing.
    const share = Math.max(0, elapsedUs - this.#timedUs) / count;
    const bucket = bucketOf(share);
    for (let i = 0; i < count; i++) {
      const id = this.#untimed[i] as number;
      microseconds[id] = (microseconds[id] as number) + share;
      if (latencies.isOn) latencies.record(id, bucket);
    }
    this.#untimedCount = 0;
  }
}
