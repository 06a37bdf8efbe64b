/**
 * CLIENT PAUSE: for a while the requests of ordinary clients wait in their connections; links of replication go on. A
 * failover uses it so that nothing is written between its last look and the change of roles.
 *
 * ALL stops the connections. WRITE is up to the dispatcher, which leaves a request that would change data unread.
 */

import type { CancelTimer, Clock } from "../platform/clock.ts";
import type { Client } from "./client.ts";
import { ClientFlag } from "./client.ts";

export type PauseMode = "write" | "all";

const REPLICATION_LINKS = ClientFlag.primary | ClientFlag.replica;

export class ClientPause {
  readonly #clock: Clock;
  readonly #clients: () => Iterable<Client>;
  #untilMs = 0;
  #mode: PauseMode = "write";
  #cancelTimer: CancelTimer | undefined;

  constructor(clock: Clock, clients: () => Iterable<Client>) {
    this.#clock = clock;
    this.#clients = clients;
  }

  get isPaused(): boolean {
    return this.#untilMs > this.#clock.nowMs();
  }

  /** Writes wait, everything else goes on. */
  get holdsWrites(): boolean {
    return this.#mode === "write" && this.isPaused;
  }

  /** How many clients have sent something that waits for the end of a pause. */
  get heldClients(): number {
    let count = 0;
    for (const client of this.#clients()) if (client.has(ClientFlag.held)) count++;
    return count;
  }

  /** A pause is never shortened, nor weakened, by another one. */
  pause(durationMs: number, mode: PauseMode): void {
    const untilMs = this.#clock.nowMs() + durationMs;
    this.#mode = this.isPaused && this.#mode === "all" ? "all" : mode;
    this.#untilMs = Math.max(this.#untilMs, untilMs);
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(Math.max(0, this.#untilMs - this.#clock.nowMs()), () => this.unpause());
    for (const client of this.#clients()) this.admit(client);
  }

  unpause(): void {
    this.#untilMs = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const client of this.#clients()) {
      client.set(ClientFlag.held, false);
      if (!client.has(ClientFlag.blocked)) client.connection.resume();
    }
  }

  /** Writes that waited for another reason go on, unless there is a pause. */
  release(): void {
    if (!this.isPaused) this.unpause();
  }

  /** A client that was stopped for a reason of its own goes on, unless there is a pause. */
  resume(client: Client): void {
    client.connection.resume();
    this.admit(client);
  }

  /** Also for clients that connect during a pause. */
  admit(client: Client): void {
    if (this.#mode === "write" || !this.isPaused || client.has(REPLICATION_LINKS)) return;
    client.connection.pause();
  }
}
