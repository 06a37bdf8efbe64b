/**
 * `maxmemory-clients`: what all clients together may take of memory. Above it, those that take most are disconnected until it
 * is enough; those that asked for CLIENT NO-EVICT and links of replication never are. Looked at some times a second, and
 * at once when much has come or gone unread since.
 */

import type { Client, ClientRegistry } from "../commands/client.ts";
import { ClientFlag } from "../commands/client.ts";
import { clientBytes } from "../commands/client-memory.ts";
import type { Config } from "../config/config.ts";
import type { Watches } from "../keyspace/watches.ts";
import type { Logger } from "../observability/logger.ts";

/** Below this nobody could talk to the server any more; as in Redis. */
const SMALLEST_LIMIT = 128 << 10;
/** So much more, as a part of the limit, is looked at once. */
const GROWTH = 1 / 16;
const OF_REPLICATION = ClientFlag.primary | ClientFlag.replica;

export interface ClientEvictionParts {
  readonly config: Config;
  readonly clients: ClientRegistry;
  readonly watches: () => Watches;
  readonly logger: Logger;
  /** Calls back once the turn of the event loop is over. */
  readonly schedule: (callback: () => void) => void;
}

export class ClientEviction {
  readonly #parts: ClientEvictionParts;
  #grownBytes = 0;
  #isScheduled = false;
  #limit = 0;

  constructor(parts: ClientEvictionParts) {
    this.#parts = parts;
    parts.config.onChange(["maxmemory-clients", "maxmemory"], () => {
      this.#limit = limitOf(parts.config);
      return undefined;
    });
    this.#limit = limitOf(parts.config);
  }

  /** A client takes so much more than before. */
  grew(bytes: number): void {
    this.#grownBytes += bytes;
    if (this.#limit === 0 || this.#isScheduled || this.#grownBytes < this.#limit * GROWTH) return;
    this.#isScheduled = true;
    this.#parts.schedule(() => {
      this.#isScheduled = false;
      this.check();
    });
  }

  /** Disconnects whoever has to go. */
  check(): void {
    this.#grownBytes = 0;
    if (this.#limit === 0) return;
    const { clients } = this.#parts;
    const watches = this.#parts.watches();
    const sizes: [client: Client, bytes: number][] = [];
    let total = 0;
    for (const client of clients.all()) {
      if (client.has(OF_REPLICATION)) continue;
      const bytes = clientBytes(client, watches);
      total += bytes;
      sizes.push([client, bytes]);
    }
    if (total <= this.#limit) return;
    for (const [client, bytes] of sizes.sort(([, a], [, b]) => b - a)) {
      if (total <= this.#limit) return;
      if (client.has(ClientFlag.noEvict)) continue;
      this.#evict(client, bytes);
      total -= bytes;
    }
  }

  #evict(client: Client, bytes: number): void {
    const { clients, logger } = this.#parts;
    logger.notice(`Evicting client: id=${client.id} addr=${client.address} name=${client.name} tot-mem=${bytes}`);
    clients.evicted++;
    client.connection.destroy();
  }
}

/** Bytes; 0: there is none. A percentage is negative, and means nothing without `maxmemory`. */
function limitOf(config: Config): number {
  const wanted = config.get("maxmemory-clients");
  const maxMemory = config.get("maxmemory");
  if (wanted === 0 || (wanted < 0 && maxMemory === 0)) return 0;
  return Math.max(SMALLEST_LIMIT, wanted > 0 ? wanted : (maxMemory * -wanted) / 100);
}
