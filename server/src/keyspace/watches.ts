/**
 * Optimistic locking for transactions: who watches which key, and whether it changed since. A key that had already expired
 * when it was watched does not count as changed when it is then deleted; one that expires later does, deleted or not.
 * Nothing is done for a changed key unless somebody watches something.
 */

/** What the registry asks of a database. */
export interface WatchedDatabase {
  peek(buffer: Buffer, offset: number, length: number): number;
  peekExpired(buffer: Buffer, offset: number, length: number): boolean;
}

type KeyState = "there" | "expired" | "none";

interface Watch {
  readonly client: object;
  readonly database: WatchedDatabase;
  readonly key: Buffer;
  readonly text: string;
  wasExpired: boolean;
}

interface WatchingClient {
  isBroken: boolean;
  readonly watches: Map<WatchedDatabase, Map<string, Watch>>;
  bytes: number;
}

/** Of memory, beside its name, that a watched key takes about. */
const WATCH_BYTES = 200;

export class Watches {
  readonly #clients = new Map<object, WatchingClient>();
  readonly #keys = new Map<WatchedDatabase, Map<string, Set<Watch>>>();

  /** How many clients watch something. A plain field: each write asks. */
  clientCount = 0;

  /** How many keys somebody watches. */
  get keyCount(): number {
    let count = 0;
    for (const keys of this.#keys.values()) count += keys.size;
    return count;
  }

  /** Takes `key` over. */
  watch(client: object, database: WatchedDatabase, key: Buffer): void {
    const text = key.toString("latin1");
    let state = this.#clients.get(client);
    if (state === undefined) {
      state = { isBroken: false, watches: new Map(), bytes: 0 };
      this.#clients.set(client, state);
      this.clientCount = this.#clients.size;
    }
    const own = entryOf(state.watches, database, () => new Map<string, Watch>());
    if (own.has(text)) return;
    const watch: Watch = { client, database, key, text, wasExpired: database.peekExpired(key, 0, key.length) };
    own.set(text, watch);
    state.bytes += WATCH_BYTES + 2 * key.length;
    const keys = entryOf(this.#keys, database, () => new Map<string, Set<Watch>>());
    entryOf(keys, text, () => new Set<Watch>()).add(watch);
  }

  /** About what a client's watched keys take of memory. */
  bytesOf(client: object): number {
    return this.#clients.get(client)?.bytes ?? 0;
  }

  /** Whether a key that the client watches has changed. */
  isTouched(client: object): boolean {
    return this.#clients.get(client)?.isBroken === true;
  }

  /** Whether a key that the client watches has changed or expired. */
  isBroken(client: object): boolean {
    const state = this.#clients.get(client);
    if (state === undefined) return false;
    if (state.isBroken) return true;
    for (const watches of state.watches.values()) {
      for (const { database, key, wasExpired } of watches.values()) {
        if (!wasExpired && database.peekExpired(key, 0, key.length)) return true;
      }
    }
    return false;
  }

  unwatchAll(client: object): void {
    const state = this.#clients.get(client);
    if (state === undefined) return;
    this.#clients.delete(client);
    this.clientCount = this.#clients.size;
    for (const [database, watches] of state.watches) {
      const keys = this.#keys.get(database);
      for (const [text, watch] of watches) {
        const watchers = keys?.get(text);
        watchers?.delete(watch);
        if (watchers?.size === 0) keys?.delete(text);
      }
      if (keys?.size === 0) this.#keys.delete(database);
    }
  }

  /** A key has changed or is gone. */
  touch(database: WatchedDatabase, buffer: Buffer, offset: number, length: number): void {
    const watchers = this.#keys.get(database)?.get(buffer.toString("latin1", offset, offset + length));
    for (const watch of watchers ?? []) this.#touchWatch(watch, database.peek(buffer, offset, length) !== 0);
  }

  /** A database is about to be emptied, or to get what `next` holds. */
  touchAll(database: WatchedDatabase, next?: WatchedDatabase): void {
    for (const watchers of this.#keys.get(database)?.values() ?? []) {
      for (const watch of watchers) this.#replace(watch, stateIn(database, watch.key), stateIn(next, watch.key));
    }
  }

  /** One that has expired is none, however it comes or goes. */
  #replace(watch: Watch, before: KeyState, after: KeyState): void {
    if (before === "none" && after === "none") return;
    if (watch.wasExpired && after !== "there") watch.wasExpired = after === "expired";
    else if (!watch.wasExpired && before === "none" && after === "expired") watch.wasExpired = true;
    else this.#break(watch);
  }

  #touchWatch(watch: Watch, isPresent: boolean): void {
    if (watch.wasExpired && !isPresent) {
      watch.wasExpired = false;
      return;
    }
    this.#break(watch);
  }

  #break(watch: Watch): void {
    const state = this.#clients.get(watch.client);
    if (state !== undefined) state.isBroken = true;
  }
}

function stateIn(database: WatchedDatabase | undefined, key: Buffer): KeyState {
  if (database === undefined) return "none";
  if (database.peek(key, 0, key.length) !== 0) return "there";
  return database.peekExpired(key, 0, key.length) ? "expired" : "none";
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
