/** An RdbHandler that keeps nothing but counts. */

import type { RdbHandler, RdbKey } from "../persistence/rdb-reader.ts";
import type { StreamHandler } from "../persistence/stream-reader.ts";
import { typeName, ValueType } from "../values/value-type.ts";

const nothing = (): undefined => undefined;

export class CountingHandler implements RdbHandler {
  readonly keysByType = new Map<string, number>();
  keys = 0;
  expiring = 0;
  /** The key that was told last; damage comes in it or right behind. */
  lastKey: string | undefined;
  readonly streams: StreamHandler = {
    block: nothing,
    facts: nothing,
    group: nothing,
    pending: nothing,
    consumer: nothing,
    own: nothing,
  };

  aux(): void {
    // Of no interest here.
  }

  library(): void {
    // Read, and so sound.
  }

  selectDatabase(): void {
    // Keys of all databases count together.
  }

  resize(): void {
    // Nothing to make room for.
  }

  string(key: RdbKey): void {
    this.#count(key, ValueType.string);
  }

  packed(key: RdbKey, type: ValueType): boolean {
    this.#count(key, type);
    return true;
  }

  begin(key: RdbKey, type: ValueType): void {
    this.#count(key, type);
  }

  element(): void {
    // Read, and so sound.
  }

  member(): void {
    // Read, and so sound.
  }

  field(): void {
    // Read, and so sound.
  }

  end(): void {
    // Counted at its beginning.
  }

  #count(key: RdbKey, type: ValueType): void {
    const name = typeName(type);
    this.keys++;
    if (key.expireAtMs !== 0) this.expiring++;
    this.keysByType.set(name, (this.keysByType.get(name) ?? 0) + 1);
    this.lastKey = key.name.toBuffer().toString("latin1");
  }
}
