/**
 * CLIENT PAUSE: for a while the requests of ordinary clients wait in their connections; links of replication go on. A
 * failover uses it so that nothing is written between its last look and the change of roles.
 *
 * WRITE holds everything of the other clients back, not only their writes: safe, if stricter than Redis.
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
  /** Asked for WRITE, and so stays able to end the pause. */
  #author: Client | undefined;

  constructor(clock: Clock, clients: () => Iterable<Client>) {
    this.#clock = clock;
    this.#clients = clients;
  }

  get isPaused(): boolean {
    return this.#untilMs > this.#clock.nowMs();
  }

  /** A pause is never shortened, nor weakened, by another one. */
  pause(durationMs: number, mode: PauseMode, author: Client | undefined): void {
    const untilMs = this.#clock.nowMs() + durationMs;
    this.#mode = this.isPaused && this.#mode === "all" ? "all" : mode;
    this.#author = author;
    this.#untilMs = Math.max(this.#untilMs, untilMs);
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(this.#untilMs - this.#clock.nowMs(), () => this.unpause());
    for (const client of this.#clients()) this.admit(client);
  }

  unpause(): void {
    this.#untilMs = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#author = undefined;
    for (const client of this.#clients()) if (!client.has(ClientFlag.blocked)) client.connection.resume();
  }

  /** Also for clients that connect during a pause. */
  admit(client: Client): void {
    if (!this.isPaused || client.has(REPLICATION_LINKS)) return;
    if (this.#mode === "write" && client === this.#author) return;
    client.connection.pause();
  }
}
