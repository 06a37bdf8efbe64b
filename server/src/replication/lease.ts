/**
 * How long a primary may take writes where somebody outside gives the roles (`group-lease` above 0). It may as long as it knows
 * that nobody else was made primary: whoever promotes another one first keeps the replicas from acknowledging, stops granting
 * leases, and waits for longer than a lease lasts (docs/decisions/0018).
 *
 * Two things prove that. The operator shows a ticket, a moment that this server told it: what arrives late is old by what it
 * carries, however long it was on its way. And a replica acknowledges a byte of the stream that was written at a known moment
 * (heartbeat.ts). A lease lasts from that moment, not from when the proof came.
 */

import type { Clock } from "../platform/clock.ts";

export interface LeaseOptions {
  readonly clock: Clock;
  /** 0: nobody outside gives the roles. */
  readonly seconds: number;
  /** The last moment of which a replica has proved that it followed then. */
  readonly heardMs: () => number;
}

export class Lease {
  readonly #options: LeaseOptions;
  #grantedMs = Number.NEGATIVE_INFINITY;
  #outdatedMs = Number.NEGATIVE_INFINITY;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether roles are given from outside. */
  get isOn(): boolean {
    return this.#options.seconds > 0;
  }

  /** This moment, to be shown with what is decided by what was seen now. */
  get ticket(): number {
    return Math.floor(this.#options.clock.monotonicUs() / 1000);
  }

  /** Half a lease: what was decided by one who has been replaced since is not carried out any more. */
  isFresh(ticket: number): boolean {
    const ageMs = this.ticket - ticket;
    return ticket > this.#outdatedMs && ageMs >= 0 && ageMs < this.#lengthMs / 2;
  }

  /** What was decided by what was seen up to now is not carried out any more. */
  outdateTickets(): void {
    this.#outdatedMs = this.ticket;
  }

  grant(fromMs: number): void {
    if (fromMs > this.#grantedMs) this.#grantedMs = fromMs;
  }

  /** Negative once it is over. */
  get remainingMs(): number {
    return Math.max(this.#grantedMs, this.#options.heardMs()) + this.#lengthMs - this.ticket;
  }

  /** Asked for every batch of requests. */
  get isOver(): boolean {
    return this.#options.seconds > 0 && this.remainingMs <= 0;
  }

  get #lengthMs(): number {
    return this.#options.seconds * 1000;
  }
}
