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

interface Watch {
  readonly client: object;
  readonly database: WatchedDatabase;
  readonly key: Buffer;
  readonly text: string;
  wasExpired: boolean;
}

interface WatchingClient {
  isBroken: boolean;
  readonly watches: Watch[];
}

export class Watches {
  readonly #clients = new Map<object, WatchingClient>();
  readonly #keys = new Map<WatchedDatabase, Map<string, Watch[]>>();

  /** How many clients watch something. A plain field: each write asks. */
  clientCount = 0;

  /** Takes `key` over. */
  watch(client: object, database: WatchedDatabase, key: Buffer): void {
    const text = key.toString("latin1");
    let state = this.#clients.get(client);
    if (state === undefined) {
      state = { isBroken: false, watches: [] };
      this.#clients.set(client, state);
      this.clientCount = this.#clients.size;
    }
    if (state.watches.some((watch) => watch.database === database && watch.text === text)) return;
    const wasExpired = database.peekExpired(key, 0, key.length);
    const watch: Watch = { client, database, key, text, wasExpired };
    state.watches.push(watch);
    let keys = this.#keys.get(database);
    if (keys === undefined) {
      keys = new Map();
      this.#keys.set(database, keys);
    }
    const watchers = keys.get(text);
    if (watchers === undefined) keys.set(text, [watch]);
    else watchers.push(watch);
  }

  /** Whether a key that the client watches has changed or expired. */
  isBroken(client: object): boolean {
    const state = this.#clients.get(client);
    if (state === undefined) return false;
    if (state.isBroken) return true;
    return state.watches.some(
      ({ database, key, wasExpired }) => !wasExpired && database.peekExpired(key, 0, key.length),
    );
  }

  unwatchAll(client: object): void {
    const state = this.#clients.get(client);
    if (state === undefined) return;
    this.#clients.delete(client);
    this.clientCount = this.#clients.size;
    for (const watch of state.watches) {
      const keys = this.#keys.get(watch.database);
      const watchers = keys?.get(watch.text);
      if (keys === undefined || watchers === undefined) continue;
      watchers.splice(watchers.indexOf(watch), 1);
      if (watchers.length === 0) keys.delete(watch.text);
      if (keys.size === 0) this.#keys.delete(watch.database);
    }
  }

  /** A key has changed or is gone. */
  touch(database: WatchedDatabase, buffer: Buffer, offset: number, length: number): void {
    const watchers = this.#keys.get(database)?.get(buffer.toString("latin1", offset, offset + length));
    for (const watch of watchers ?? []) this.#touchWatch(watch, database.peek(buffer, offset, length) !== 0);
  }

  /** A database was emptied or gets other contents: `isIn` says whether a key stood there or will. */
  touchAll(database: WatchedDatabase, isIn: (key: Buffer) => boolean): void {
    for (const watchers of this.#keys.get(database)?.values() ?? []) {
      for (const watch of watchers) if (isIn(watch.key)) this.#touchWatch(watch, false);
    }
  }

  #touchWatch(watch: Watch, isPresent: boolean): void {
    if (watch.wasExpired && !isPresent) {
      watch.wasExpired = false;
      return;
    }
    const state = this.#clients.get(watch.client);
    if (state !== undefined) state.isBroken = true;
  }
}
