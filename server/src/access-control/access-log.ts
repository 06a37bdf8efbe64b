/** ACL LOG: who was refused what, newest first. The same refusal again within a minute counts up its entry. */

import type { DenialKind } from "./permissions.ts";

export type AccessContext = "toplevel" | "multi" | "lua";

export interface AccessEvent {
  /** `tls-cert`: a client that was let in neither with nor without its certificate; Redis 7 keeps quiet about it. */
  readonly reason: DenialKind | "tls-cert";
  readonly context: AccessContext;
  /** The command, key or channel; for `auth`, the word that was tried; for `tls-cert`, what is wrong with it. */
  readonly object: string;
  readonly userName: string;
  /** A line as of CLIENT LIST. */
  readonly clientInfo: string;
}

export interface AccessLogEntry extends AccessEvent {
  readonly id: number;
  readonly count: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** Only so many of the newest are looked at for an equal one. */
const COMPARED_ENTRIES = 10;
const SAME_WITHIN_MS = 60_000;

export class AccessLog {
  readonly #maxLength: () => number;
  #entries: AccessLogEntry[] = [];
  #nextId = 0;

  constructor(maxLength: () => number) {
    this.#maxLength = maxLength;
  }

  add(event: AccessEvent, nowMs: number): void {
    const isSame = (entry: AccessLogEntry): boolean =>
      entry.reason === event.reason &&
      entry.context === event.context &&
      entry.object === event.object &&
      entry.userName === event.userName &&
      nowMs - entry.updatedAtMs <= SAME_WITHIN_MS;
    const at = this.#entries.slice(0, COMPARED_ENTRIES).findIndex(isSame);
    const known = at < 0 ? undefined : this.#entries.splice(at, 1)[0];
    const entry: AccessLogEntry =
      known === undefined
        ? { ...event, id: this.#nextId++, count: 1, createdAtMs: nowMs, updatedAtMs: nowMs }
        : { ...known, clientInfo: event.clientInfo, count: known.count + 1, updatedAtMs: nowMs };
    this.#entries.unshift(entry);
    this.#entries.length = Math.min(this.#entries.length, this.#maxLength());
  }

  newest(count: number): readonly AccessLogEntry[] {
    return this.#entries.slice(0, count);
  }

  reset(): void {
    this.#entries = [];
  }
}
