/** Clients blocked in WAIT: answered when enough replicas have acknowledged what they wrote, or their time is over. */

import { type Client, ClientFlag } from "../commands/client.ts";
import type { AcknowledgementWaiters } from "../commands/context.ts";
import type { CancelTimer, Clock } from "../platform/clock.ts";

interface Waiter {
  readonly wanted: number;
  readonly offset: number;
  readonly cancelTimer: CancelTimer | undefined;
}

export class WaitingForReplicas implements AcknowledgementWaiters {
  readonly #clock: Clock;
  readonly #countAcknowledged: (offset: number) => number;
  readonly #waiters = new Map<Client, Waiter>();

  constructor(clock: Clock, countAcknowledged: (offset: number) => number) {
    this.#clock = clock;
    this.#countAcknowledged = countAcknowledged;
  }

  get count(): number {
    return this.#waiters.size;
  }

  wait(client: Client, wanted: number, timeoutMs: number): void {
    client.set(ClientFlag.blocked, true);
    client.connection.pause();
    const cancelTimer = timeoutMs === 0 ? undefined : this.#clock.after(timeoutMs, () => this.release(client));
    this.#waiters.set(client, { wanted, offset: client.writeOffset, cancelTimer });
  }

  /** Replicas have acknowledged more. */
  check(): void {
    for (const [client, { wanted, offset }] of this.#waiters) {
      if (this.#countAcknowledged(offset) >= wanted) this.release(client);
    }
  }

  /** Answers with what there is; false if the client does not wait. */
  release(client: Client): boolean {
    const waiter = this.#waiters.get(client);
    if (waiter === undefined) return false;
    this.forget(client);
    client.set(ClientFlag.blocked, false);
    client.connection.send(Buffer.from(`:${this.#countAcknowledged(waiter.offset)}\r\n`));
    client.connection.resume();
    return true;
  }

  forget(client: Client): void {
    this.#waiters.get(client)?.cancelTimer?.();
    this.#waiters.delete(client);
  }
}
