/**
 * What the requests for each slot have cost, as CLUSTER SLOT-STATS shows it with `cluster-slot-stats-enabled`: time of the
 * thread that runs commands, and bytes in and out. Counts begin anew when a slot leaves this node.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";

export class SlotUse {
  /** A plain field: asked about each command. */
  isOn = false;
  readonly cpuUs = new Float64Array(SLOT_COUNT);
  readonly bytesIn = new Float64Array(SLOT_COUNT);
  readonly bytesOut = new Float64Array(SLOT_COUNT);

  add(slot: number, use: { readonly cpuUs: number; readonly bytesIn: number; readonly bytesOut: number }): void {
    this.cpuUs[slot] = (this.cpuUs[slot] as number) + use.cpuUs;
    this.bytesIn[slot] = (this.bytesIn[slot] as number) + use.bytesIn;
    this.bytesOut[slot] = (this.bytesOut[slot] as number) + use.bytesOut;
  }

  forget(slots: readonly number[]): void {
    for (const slot of slots) for (const counts of this.#all()) counts[slot] = 0;
  }

  resetStatistics(): void {
    for (const counts of this.#all()) counts.fill(0);
  }

  #all(): Float64Array[] {
    return [this.cpuUs, this.bytesIn, this.bytesOut];
  }
}
