/**
 * Keys that clients wait for in blocking commands, with those who wait for each in the order they came. The keyspace tells
 * what happens to keys; whoever runs commands takes the ready ones once the command that made them ready is over, so that
 * nobody is served in the middle of a transaction. Without waiting clients a write asks one plain field.
 */

export interface KeyWaiter {
  readonly databaseIndex: number;
  readonly keys: readonly Buffer[];
  /** The `ValueType` it waits for. */
  readonly type: number;
  /** Is also to be told when a key goes, or gets another type: it waits for something inside the value. */
  readonly wakesOnLoss: boolean;
  /** Looks whether there is something for it now; it stays in line if not. */
  tryServe(): void;
}

export interface WaitedKey {
  readonly databaseIndex: number;
  readonly key: Buffer;
  readonly waiters: Set<KeyWaiter>;
  isReady: boolean;
}

export class WaitedKeys {
  readonly #databases = new Map<number, Map<string, WaitedKey>>();
  #ready: WaitedKey[] = [];
  /** Keys that somebody waits for. */
  count = 0;
  hasReady = false;

  add(waiter: KeyWaiter): void {
    const { databaseIndex } = waiter;
    let keys = this.#databases.get(databaseIndex);
    if (keys === undefined) {
      keys = new Map();
      this.#databases.set(databaseIndex, keys);
    }
    for (const key of waiter.keys) {
      const text = key.toString("latin1");
      const waited = keys.get(text) ?? { databaseIndex, key, waiters: new Set(), isReady: false };
      if (waited.waiters.size === 0) {
        keys.set(text, waited);
        this.count++;
      }
      waited.waiters.add(waiter);
    }
  }

  /** Keys whose waiters are also told when they go. */
  countOfLosses(): number {
    let count = 0;
    for (const keys of this.#databases.values()) {
      for (const { waiters } of keys.values()) if ([...waiters].some(({ wakesOnLoss }) => wakesOnLoss)) count++;
    }
    return count;
  }

  remove(waiter: KeyWaiter): void {
    const keys = this.#databases.get(waiter.databaseIndex);
    for (const key of waiter.keys) {
      const text = key.toString("latin1");
      const waited = keys?.get(text);
      if (waited?.waiters.delete(waiter) !== true || waited.waiters.size > 0) continue;
      keys?.delete(text);
      this.count--;
    }
  }

  /** A key has appeared or gone, or its value has got more. To be called only while `count` is not 0. */
  changed(databaseIndex: number, buffer: Buffer, offset: number, length: number): void {
    const waited = this.#databases.get(databaseIndex)?.get(buffer.toString("latin1", offset, offset + length));
    if (waited !== undefined) this.#setReady(waited);
  }

  /** Any key of a database may have changed: it was emptied or exchanged. */
  allChanged(databaseIndex: number): void {
    for (const waited of this.#databases.get(databaseIndex)?.values() ?? []) this.#setReady(waited);
  }

  /** The keys that have become ready, in that order; the caller serves their waiters. */
  takeReady(): readonly WaitedKey[] {
    const ready = this.#ready;
    this.#ready = [];
    this.hasReady = false;
    for (const waited of ready) waited.isReady = false;
    return ready;
  }

  #setReady(waited: WaitedKey): void {
    if (waited.isReady) return;
    waited.isReady = true;
    this.hasReady = true;
    this.#ready.push(waited);
  }
}
