/**
 * For tests: a keyspace with a clock and randomness under control, addressed by strings, whose collections are single
 * blocks of the arena that hold a number.
 */

import type { Arena } from "../memory/arena.ts";
import type { Handle } from "../memory/arena-layout.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { createSeededRandom } from "../platform/random.ts";
import type { Database } from "./database.ts";
import { Keyspace } from "./keyspace.ts";
import type { CollectionValues, RelocationStep, StoredCollection } from "./keyspace-state.ts";
import { NO_EXPIRY } from "./record.ts";

const BLOCK_BYTES = 24;

class BlockValues implements CollectionValues {
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  create(number: number): Handle {
    const root = this.#arena.allocate(BLOCK_BYTES);
    (this.#arena.words[root >>> 23] as Int32Array)[(root & 0x7fffff) << 1] = number;
    return root;
  }

  numberOf(root: Handle): number {
    return (this.#arena.words[root >>> 23] as Int32Array)[(root & 0x7fffff) << 1] as number;
  }

  free(_type: number, _encoding: number, root: Handle): void {
    this.#arena.free(root);
  }

  readonly waitingFrees = 0;
  readonly finishedFrees = 0;

  freeLater(_type: number, _encoding: number, root: Handle): void {
    this.#arena.free(root);
  }

  drain(): boolean {
    return true;
  }

  readonly fieldClock = { expiredBeforeMs: 0 };

  openHash(): never {
    throw new Error("There are no hashes here");
  }

  relocate(_type: number, _encoding: number, root: Handle): RelocationStep {
    return { root: this.#arena.relocate(root), next: 0 };
  }

  copy(_type: number, encoding: number, root: Handle): StoredCollection {
    return { root: this.create(this.numberOf(root)), encoding };
  }
}

export class TestKeyspace {
  readonly clock = new FakeClock();
  readonly keyspace: Keyspace;
  readonly expired: string[] = [];
  readonly evicted: string[] = [];
  #values: BlockValues | undefined;

  constructor(options: { seed?: number; databaseCount?: number; isClusterEnabled?: boolean } = {}) {
    this.keyspace = new Keyspace(
      {
        databaseCount: options.databaseCount ?? 16,
        random: createSeededRandom(options.seed ?? 1),
        clock: this.clock,
        isClusterEnabled: options.isClusterEnabled ?? false,
      },
      (arena) => {
        this.#values = new BlockValues(arena);
        return this.#values;
      },
    );
    this.keyspace.listener = {
      expired: (database, record) => this.expired.push(database.keyOf(record).toString()),
      evicted: (database, record) => this.evicted.push(database.keyOf(record).toString()),
      fieldExpired: () => undefined,
      fieldsExpired: () => undefined,
    };
  }

  get values(): BlockValues {
    if (this.#values === undefined) throw new Error("The keyspace has made no values");
    return this.#values;
  }

  db(index = 0): Database {
    return this.keyspace.database(index);
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    this.keyspace.setNow(this.clock.nowMs());
  }

  set(key: string, value: string, expireAtMs = NO_EXPIRY, index = 0): Handle {
    const bytes = Buffer.from(`[${key}${value}]`, "latin1");
    return this.db(index).setString(bytes, 1, key.length, bytes, 1 + key.length, value.length, expireAtMs);
  }

  get(key: string, index = 0): string | undefined {
    const bytes = Buffer.from(key, "latin1");
    const record = this.db(index).lookupRead(bytes, 0, bytes.length);
    return record === 0 ? undefined : this.textOf(record);
  }

  /** A string's value, or a collection's number. */
  textOf(record: Handle): string {
    const db = this.db();
    if (db.typeOf(record) !== 1) return String(this.values.numberOf(db.rootOf(record)));
    const start = db.valueOffset(record);
    return db.bytesOf(record).toString("latin1", start, start + db.valueLength(record));
  }

  write(key: string, index = 0): Handle {
    const bytes = Buffer.from(key, "latin1");
    return this.db(index).lookupWrite(bytes, 0, bytes.length);
  }

  delete(key: string, index = 0): boolean {
    const bytes = Buffer.from(key, "latin1");
    return this.db(index).delete(bytes, 0, bytes.length);
  }

  keys(index = 0): string[] {
    const keys: string[] = [];
    this.db(index).forEach((record) => {
      keys.push(this.db(index).keyOf(record).toString("latin1"));
    });
    return keys.sort();
  }

  /** Every key of the first two databases with value and expiry time, as lines. */
  content(): string[] {
    const lines: string[] = [];
    for (const index of [0, 1]) {
      const db = this.db(index);
      db.forEach((record) => {
        lines.push(`${index} ${db.keyOf(record)} ${this.textOf(record)} ${db.expireAtOf(record)}`);
      });
    }
    return lines.sort();
  }
}
