/**
 * Deletes the keys of cluster slots that other nodes serve now, in slices: a pass over the database for all slots that are
 * waiting, and another for those that came meanwhile. Nobody is served these keys. Should a slot come back before its turn,
 * `finish` deletes the rest of it first: what is stored there from then on is new.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { Keyspace } from "./keyspace.ts";

/** Buckets a step. Deleting costs more than looking, so a step is short. */
const STEP = 64;

export class SlotSweep {
  readonly #keyspace: Keyspace;
  readonly #deleteKey: (key: Buffer) => void;
  readonly #finished: (slots: readonly number[]) => void;
  /** 1: to be deleted. */
  readonly #isWaiting = new Uint8Array(SLOT_COUNT);
  #waiting = 0;
  #cursor = 0;
  /** Slots have come since the pass began. */
  #isPassDue = false;

  /** `finished`: there is no key of these slots any more. */
  constructor(keyspace: Keyspace, deleteKey: (key: Buffer) => void, finished: (slots: readonly number[]) => void) {
    this.#keyspace = keyspace;
    this.#deleteKey = deleteKey;
    this.#finished = finished;
  }

  /** Slots whose keys are not all deleted. */
  get waiting(): number {
    return this.#waiting;
  }

  has(slot: number): boolean {
    return this.#isWaiting[slot] === 1;
  }

  add(slots: readonly number[]): void {
    for (const slot of slots) {
      if (this.has(slot)) continue;
      this.#isWaiting[slot] = 1;
      this.#waiting++;
    }
    this.#isPassDue = true;
  }

  /** Deletes the keys of these slots at once. */
  finish(slots: readonly number[]): void {
    this.#keyspace.visitKeysInSlots(slots, this.#deleteKey);
    for (const slot of slots) {
      if (!this.has(slot)) continue;
      this.#isWaiting[slot] = 0;
      this.#waiting--;
    }
  }

  /** These keys are not ours to delete any more: the data is that of another primary. */
  forget(): void {
    this.#isWaiting.fill(0);
    this.#waiting = 0;
    this.#cursor = 0;
    this.#isPassDue = false;
  }

  /** Goes on until `isTimeOver`; true when nothing is left to delete. */
  run(isTimeOver: () => boolean): boolean {
    while (this.#waiting > 0) {
      if (this.#cursor === 0) this.#isPassDue = false;
      this.#step();
      if (this.#cursor === 0 && !this.#isPassDue) this.#end();
      if (isTimeOver()) break;
    }
    return this.#waiting === 0;
  }

  #step(): void {
    const database = this.#keyspace.database(0);
    const keys: Buffer[] = [];
    this.#cursor = database.scan(this.#cursor, STEP, (record) => {
      if (this.has(this.#keyspace.records.slotOf(record))) keys.push(database.keyOf(record));
    });
    for (const key of keys) this.#deleteKey(key);
  }

  #end(): void {
    const slots: number[] = [];
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (this.has(slot)) slots.push(slot);
    this.forget();
    this.#finished(slots);
  }
}
