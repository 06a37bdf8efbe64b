/**
 * For a while the requests of ordinary clients wait in their connections; links of replication go on. Somebody may ask for
 * that (CLIENT PAUSE), and a failover and a shutdown do, so that nothing is written between their last look and the end of this
 * node's role. Each has a pause of its own, so that none ends another's; the strictest of them is what holds.
 *
 * ALL stops the connections. WRITE is up to the dispatcher, which leaves a request that would change data unread.
 */

import type { CancelTimer, Clock } from "../platform/clock.ts";
import type { Client } from "./client.ts";
import { ClientFlag } from "./client.ts";

export type PauseMode = "write" | "all";
export type PausePurpose = "client" | "failover" | "shutdown";

interface Pause {
  readonly untilMs: number;
  readonly mode: PauseMode;
}

const REPLICATION_LINKS = ClientFlag.primary | ClientFlag.replica;
const NONE: Pause = { untilMs: 0, mode: "write" };

export class ClientPause {
  readonly #clock: Clock;
  readonly #clients: () => Iterable<Client>;
  readonly #pauses = new Map<PausePurpose, Pause>();
  /** What holds. */
  #strictest = NONE;
  #cancelTimer: CancelTimer | undefined;

  constructor(clock: Clock, clients: () => Iterable<Client>) {
    this.#clock = clock;
    this.#clients = clients;
  }

  get isPaused(): boolean {
    return this.#strictest.untilMs > this.#clock.nowMs();
  }

  /** Writes wait, everything else goes on. */
  get holdsWrites(): boolean {
    return this.#strictest.mode === "write" && this.isPaused;
  }

  /** How many clients have sent something that waits for the end of a pause. */
  get heldClients(): number {
    let count = 0;
    for (const client of this.#clients()) if (client.has(ClientFlag.held)) count++;
    return count;
  }

  /** A pause is never shortened, nor weakened, by another one. */
  pause(purpose: PausePurpose, durationMs: number, mode: PauseMode): void {
    const nowMs = this.#clock.nowMs();
    const { untilMs, mode: former } = this.#pauses.get(purpose) ?? NONE;
    const isStricter = untilMs > nowMs && former === "all";
    this.#pauses.set(purpose, { untilMs: Math.max(untilMs, nowMs + durationMs), mode: isStricter ? "all" : mode });
    this.#chooseStrictest();
    for (const client of this.#clients()) this.admit(client);
  }

  unpause(purpose: PausePurpose): void {
    if (this.#pauses.delete(purpose)) this.#weaken();
  }

  /** Writes that waited for another reason go on, unless there is a pause. */
  release(): void {
    if (!this.isPaused) this.#weaken();
  }

  /** A client that was stopped for a reason of its own goes on, unless there is a pause. */
  resume(client: Client): void {
    client.connection.resume();
    this.admit(client);
  }

  /** Also for clients that connect during a pause. */
  admit(client: Client): void {
    if (this.#strictest.mode === "write" || !this.isPaused || client.has(REPLICATION_LINKS)) return;
    client.connection.pause();
  }

  /** What was held is tried again, and held again by what is left. */
  #weaken(): void {
    this.#chooseStrictest();
    for (const client of this.#clients()) {
      client.set(ClientFlag.held, false);
      if (!client.has(ClientFlag.blocked)) this.resume(client);
    }
  }

  #chooseStrictest(): void {
    const nowMs = this.#clock.nowMs();
    for (const [purpose, { untilMs }] of this.#pauses) if (untilMs <= nowMs) this.#pauses.delete(purpose);
    const pauses = [...this.#pauses.values()].sort((a, b) => b.untilMs - a.untilMs);
    this.#strictest = pauses.find(({ mode }) => mode === "all") ?? pauses[0] ?? NONE;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const delayMs = this.#strictest.untilMs - nowMs;
    if (delayMs > 0) this.#cancelTimer = this.#clock.after(delayMs, () => this.#weaken());
  }
}
