/**
 * Connections with messages that no request of theirs has asked for: published ones, invalidations. They leave before the
 * replies of the turn, so that who hears that a key was changed can count on others having been told; at the latest when the
 * code at hand is done.
 */

export interface Outbox {
  /** Sends what is in it, behind the replies of its connection that wait. */
  flushOutbox(): void;
}

export class Outboxes {
  #waiting: Outbox[] = [];

  /** It has something in it now. */
  add(outbox: Outbox): void {
    if (this.#waiting.length === 0) process.nextTick(() => this.flush());
    this.#waiting.push(outbox);
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const outbox of waiting) outbox.flushOutbox();
  }
}
