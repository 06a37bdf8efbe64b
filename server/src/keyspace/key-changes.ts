/**
 * What others than the index must know of a database's keys: that one came or went, what happened to it, who waits for it.
 * A database without a number (a payload is unpacked in one) has nobody to tell.
 */

import { EventClass } from "./event-classes.ts";
import type { KeyspaceState } from "./keyspace-state.ts";
import type { SlotCounts } from "./slot-counts.ts";

export class KeyChanges {
  readonly #state: KeyspaceState;
  /** Negative for a database that no client can select: nobody hears of it. */
  readonly #databaseIndex: number;
  readonly #slots: SlotCounts | undefined;

  constructor(state: KeyspaceState, databaseIndex: number, slots: SlotCounts | undefined) {
    this.#state = state;
    this.#databaseIndex = databaseIndex;
    this.#slots = slots;
  }

  /** A key that takes the place of one just deleted is none that is told as new. */
  entered(buffer: Buffer, offset: number, length: number, isReplacement = false): void {
    if (this.#slots !== undefined) this.#slots.entered(buffer, offset, length);
    if (!isReplacement) this.notify(EventClass.newKey, "new", buffer, offset, length);
    this.ready(buffer, offset, length);
  }

  left(buffer: Buffer, offset: number, length: number): void {
    if (this.#slots !== undefined) this.#slots.left(buffer, offset, length);
    this.ready(buffer, offset, length);
  }

  /** Clients that wait for this key, or for more in its value, may find something now. */
  ready(buffer: Buffer, offset: number, length: number): void {
    const { waited } = this.#state;
    if (waited.count !== 0 && this.#databaseIndex >= 0) waited.changed(this.#databaseIndex, buffer, offset, length);
  }

  /** Tells an event for a key that is no argument of the command, or goes without one; see Call.notify. */
  notify(eventClass: number, event: string, buffer: Buffer, offset: number, length: number): void {
    const { events } = this.#state;
    if ((events.mask & eventClass) === 0 || this.#databaseIndex < 0) return;
    events.send(event, this.#databaseIndex, Buffer.from(buffer.subarray(offset, offset + length)));
  }
}
