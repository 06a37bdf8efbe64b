/** Clients blocked in WAIT and WAITAOF: answered when enough copies of what they wrote are there, or their time is over. */

import { type Client, ClientFlag } from "../commands/client.ts";
import type { AcknowledgementWaiters, AwaitedCopies } from "../commands/context.ts";
import type { CancelTimer, Clock } from "../platform/clock.ts";

interface Waiter {
  readonly copies: AwaitedCopies;
  readonly cancelTimer: CancelTimer | undefined;
}

const UNBLOCKED = Buffer.from("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");

export class WaitingForReplicas implements AcknowledgementWaiters {
  readonly #clock: Clock;
  readonly #goesOn: (client: Client) => void;
  readonly #waiters = new Map<Client, Waiter>();

  /** `goesOn`: a client that waited is served again. */
  constructor(clock: Clock, goesOn: (client: Client) => void) {
    this.#clock = clock;
    this.#goesOn = goesOn;
  }

  get count(): number {
    return this.#waiters.size;
  }

  /** Of those, who will not wait for ever. */
  get countWithTimeout(): number {
    let count = 0;
    for (const { cancelTimer } of this.#waiters.values()) if (cancelTimer !== undefined) count++;
    return count;
  }

  wait(client: Client, copies: AwaitedCopies, timeoutMs: number): void {
    client.set(ClientFlag.blocked, true);
    client.connection.pause();
    const cancelTimer = timeoutMs === 0 ? undefined : this.#clock.after(timeoutMs, () => this.#release(client));
    this.#waiters.set(client, { copies, cancelTimer });
  }

  /** Replicas have acknowledged more, or a disk has more. */
  check(): void {
    for (const [client, { copies }] of this.#waiters) if (copies.isEnough()) this.#release(client);
  }

  /** CLIENT UNBLOCK: answers with what there is, or with an error; false if the client does not wait. */
  unblock(client: Client, withError: boolean): boolean {
    return this.#release(client, withError ? UNBLOCKED : undefined);
  }

  /** Ends the waiting of all with an error. */
  unblockAll(errorFor: (client: Client) => string): void {
    for (const client of [...this.#waiters.keys()]) this.#release(client, Buffer.from(`-${errorFor(client)}\r\n`));
  }

  forget(client: Client): void {
    this.#waiters.get(client)?.cancelTimer?.();
    this.#waiters.delete(client);
  }

  #release(client: Client, error?: Buffer): boolean {
    const waiter = this.#waiters.get(client);
    if (waiter === undefined) return false;
    this.forget(client);
    client.set(ClientFlag.blocked, false);
    client.connection.send(error ?? waiter.copies.answer());
    if (client.has(ClientFlag.closeAfterReply)) client.connection.closeAfterFlush();
    else this.#goesOn(client);
    return true;
  }
}
