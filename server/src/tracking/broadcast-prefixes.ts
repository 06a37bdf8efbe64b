/**
 * Clients that want to know of every key with a prefix. Changed keys are collected, to go out together: each client gets
 * them in one message a prefix.
 */

import type { TrackingClient } from "./tracking-state.ts";

interface Prefix {
  readonly clients: Set<TrackingClient>;
  /** Changed keys by their latin1 text, with who has changed them last. */
  changed: Map<string, TrackingClient | undefined>;
}

export class BroadcastPrefixes {
  readonly #prefixes = new Map<string, Prefix>();
  /** A plain field: each write asks. */
  count = 0;

  add(client: TrackingClient, prefixes: readonly string[]): void {
    for (const text of prefixes) {
      const prefix = this.#prefixes.get(text) ?? { clients: new Set(), changed: new Map() };
      prefix.clients.add(client);
      this.#prefixes.set(text, prefix);
    }
    this.count = this.#prefixes.size;
  }

  remove(client: TrackingClient, prefixes: readonly string[]): void {
    for (const text of prefixes) {
      const prefix = this.#prefixes.get(text);
      prefix?.clients.delete(client);
      if (prefix?.clients.size === 0) this.#prefixes.delete(text);
    }
    this.count = this.#prefixes.size;
  }

  /** True if somebody is to be told. */
  changed(key: string, by: TrackingClient | undefined): boolean {
    let isWanted = false;
    for (const [text, { changed }] of this.#prefixes) {
      if (!key.startsWith(text)) continue;
      changed.set(key, by);
      isWanted = true;
    }
    return isWanted;
  }

  /** Gives away what was collected. */
  deliver(send: (client: TrackingClient, keys: readonly Buffer[]) => void): void {
    for (const prefix of this.#prefixes.values()) {
      if (prefix.changed.size === 0) continue;
      const changed = [...prefix.changed].map(([key, by]) => ({ key: Buffer.from(key, "latin1"), by }));
      prefix.changed = new Map();
      for (const client of prefix.clients) {
        const foreign = client.tracking?.isNoLoop === true ? changed.filter(({ by }) => by !== client) : changed;
        if (foreign.length > 0) {
          send(
            client,
            foreign.map(({ key }) => key),
          );
        }
      }
    }
  }
}
