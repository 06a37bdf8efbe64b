/**
 * For tests: random changes of a keyspace, of all types and sizes, with expiring keys and fields, through the same doors that
 * commands use.
 */

import type { Handle } from "../memory/arena-layout.ts";
import { StreamId } from "../memory/stream-id.ts";
import type { Random } from "../platform/random.ts";
import { ValueType } from "../values/value-type.ts";
import type { LiveKeyspace } from "./live-keyspace.ts";

const DATABASES = 3;
const STRING_KEYS = 1500;
const KEYS_OF_A_TYPE = 20;
const LARGE_STRING_BYTES = 2 << 20;
/** Times of expiry lie far from now, or between these, which `pass` lets go by. */
const FAR_MS = 1e12;
const SOON_MS = 100;
const LATER_MS = 150;
const KEYS_LOOKED_AT = 100;
/** So many times more different elements than a large value has. */
const VARIETY = 8;

type Collection = "list" | "set" | "hash" | "sortedSet" | "stream";

const COLLECTIONS: readonly Collection[] = ["list", "set", "hash", "sortedSet", "stream"];

interface Place {
  readonly index: number;
  readonly key: Buffer;
}

export class RandomChanges {
  readonly #live: LiveKeyspace;
  readonly #random: Random;
  /** Ids of streams only grow. */
  #lastId = 0;
  readonly #id = new StreamId();
  /** Nothing is taken away. */
  #onlyAdds = false;

  constructor(live: LiveKeyspace, random: Random) {
    this.#live = live;
    this.#random = random;
  }

  step(): void {
    const { keyspace } = this.#live;
    const db = keyspace.database(this.#random.below(DATABASES));
    const key = Buffer.from(`key:${this.#random.below(STRING_KEYS)}`);
    const choice = this.#random.below(26);
    if (choice < 9) this.#setString({ index: db.index, key }, 1 + this.#random.below(choice === 0 ? 5000 : 80));
    else if (choice < 19) this.#changeSmall(db.index);
    else if (choice < 23) db.delete(key, 0, key.length);
    else if (choice === 23) this.#expire({ index: db.index, key });
    else if (choice === 24) this.#pass(db.index);
    else if (this.#random.below(300) === 0) db.flush();
    else if (this.#random.below(100) === 0) keyspace.swap(db.index, this.#random.below(DATABASES));
    else keyspace.reclaim(0);
  }

  /** One value of each type, of so many elements. */
  fillLarge(elements: number): void {
    this.#onlyAdds = true;
    for (const type of COLLECTIONS) {
      const place = largePlace(type);
      while (this.#countAt(place) < elements) this.#edit(type, place, VARIETY * elements);
      if (this.#random.below(2) === 0) this.#expire(place);
    }
    this.#onlyAdds = false;
    this.#setString(largePlace("string"), LARGE_STRING_BYTES);
  }

  /** Changes one of the large values; now and then it goes. */
  changeLarge(elements: number): void {
    const choice = this.#random.below(COLLECTIONS.length + 1);
    const type = COLLECTIONS[choice];
    const place = largePlace(type ?? "string");
    const db = this.#live.keyspace.database(place.index);
    if (this.#random.below(50) === 0) db.delete(place.key, 0, place.key.length);
    else if (this.#random.below(10) === 0) this.#expire(place);
    else if (type === undefined) this.#setString(place, LARGE_STRING_BYTES - this.#random.below(100));
    else this.#edit(type, place, VARIETY * elements);
  }

  #countAt({ index, key }: Place): number {
    const db = this.#live.keyspace.database(index);
    const record = db.peek(key, 0, key.length);
    if (record === 0) return 0;
    return this.#live.collections.open(db.typeOf(record), db.rootOf(record), db.encodingOf(record)).count;
  }

  #changeSmall(index: number): void {
    const type = COLLECTIONS[this.#random.below(COLLECTIONS.length)] as Collection;
    const key = Buffer.from(`${type}:${this.#random.below(KEYS_OF_A_TYPE)}`);
    for (let k = this.#random.below(8); k >= 0; k--) this.#edit(type, { index, key }, 700);
  }

  #setString({ index, key }: Place, length: number): void {
    const value = Buffer.alloc(length, 97 + this.#random.below(26));
    const expireAtMs = this.#random.below(4) === 0 ? this.#time() : 0;
    this.#live.keyspace.database(index).setString(key, 0, key.length, value, 0, value.length, expireAtMs);
  }

  #time(): number {
    return this.#random.below(8) === 0 ? SOON_MS + this.#random.below(100) : FAR_MS + this.#random.below(1000);
  }

  #expire({ index, key }: Place): void {
    const db = this.#live.keyspace.database(index);
    const record = db.lookupWrite(key, 0, key.length);
    if (record !== 0) db.setExpire(record, this.#random.below(4) === 0 ? 0 : this.#time());
  }

  /** For a moment it is later: some keys and fields are found to have expired. */
  #pass(index: number): void {
    const { keyspace } = this.#live;
    const db = keyspace.database(index);
    keyspace.setNow(LATER_MS);
    db.fieldExpiries.expireNext(1 + this.#random.below(200));
    for (let k = 0; k < KEYS_LOOKED_AT; k++) {
      const key = Buffer.from(`key:${this.#random.below(STRING_KEYS)}`);
      db.lookupRead(key, 0, key.length);
    }
    keyspace.setNow(0);
  }

  /** Adds, changes or takes away one element, of so many that there may be. */
  #edit(type: Collection, { index, key }: Place, variety: number): void {
    const db = this.#live.keyspace.database(index);
    const record = db.lookupWrite(key, 0, key.length);
    const element = Buffer.from(`e${this.#random.below(variety)}`);
    if (record !== 0) this.#live.collections[type].open(db.rootOf(record), db.encodingOf(record));
    this.#editors[type](element, record !== 0);
    const { root, encoding } = this.#live.collections[type];
    if (record === 0) db.addCollection(key, 0, key.length, ValueType[type], encoding, root);
    else this.#store(index, record, type);
  }

  #store(index: number, record: Handle, type: Collection): void {
    const db = this.#live.keyspace.database(index);
    const { root, encoding } = this.#live.collections[type];
    db.setRoot(record, root, encoding);
  }

  readonly #editors: Readonly<Record<Collection, (element: Buffer, isThere: boolean) => void>> = {
    list: (element, isThere) => this.#editList(element, isThere),
    set: (element, isThere) => this.#editSet(element, isThere),
    hash: (element, isThere) => this.#editHash(element, isThere),
    sortedSet: (element, isThere) => this.#editSortedSet(element, isThere),
    stream: (element, isThere) => this.#editStream(element, isThere),
  };

  /** Without its last element a value would not be there; that is not of interest here. */
  #takesAway(isThere: boolean, count: number): boolean {
    return isThere && !this.#onlyAdds && count > 1 && this.#random.below(5) === 0;
  }

  #editList(element: Buffer, isThere: boolean): void {
    const { list } = this.#live.collections;
    if (!isThere) list.create();
    const choice = this.#random.below(4);
    if (this.#takesAway(isThere, list.count)) {
      if (choice < 2) list.trimHead(1);
      else list.trimTail(1);
    } else if (isThere && choice === 0) {
      list.seek(this.#random.below(list.count));
      list.replaceAtCursor(element, 0, element.length);
    } else {
      list.growFor(element.length, 1);
      if (choice === 1) list.pushHead(element, 0, element.length);
      else list.pushTail(element, 0, element.length);
    }
  }

  #editSet(element: Buffer, isThere: boolean): void {
    const { set } = this.#live.collections;
    if (!isThere) set.create(element, 0, element.length, this.#random.below(2) * 1000);
    if (this.#takesAway(isThere, set.count)) set.remove(element, 0, element.length);
    else set.add(element, 0, element.length);
  }

  #editHash(element: Buffer, isThere: boolean): void {
    const { hash } = this.#live.collections;
    if (!isThere) hash.create();
    hash.set(element, 0, element.length, element, 0, element.length, true);
    if (this.#random.below(4) === 0) hash.setExpiry(element, 0, element.length, SOON_MS + this.#random.below(100));
  }

  #editSortedSet(element: Buffer, isThere: boolean): void {
    const { sortedSet } = this.#live.collections;
    if (!isThere) sortedSet.create(1, element.length);
    if (this.#takesAway(isThere, sortedSet.count)) sortedSet.remove(element, 0, element.length);
    else sortedSet.set(this.#random.below(1000) / 8, element, 0, element.length);
  }

  #editStream(element: Buffer, isThere: boolean): void {
    const { stream } = this.#live.collections;
    if (!isThere) stream.create();
    if (this.#takesAway(isThere, stream.count)) {
      const isTrimmed = this.#random.below(8) === 0;
      if (isTrimmed) {
        stream.trim({ maxLength: stream.count - 1, minId: this.#id, isApproximate: false, limit: 0 });
      } else if (stream.readFirstEntry(this.#id)) stream.delete(this.#id);
      return;
    }
    const source = {
      buffer: element,
      offset: Int32Array.of(0, 0),
      length: Int32Array.of(element.length, element.length),
    };
    stream.append(this.#id.set(0, ++this.#lastId, 0, 0), source, 0, 1);
  }
}

function largePlace(type: Collection | "string"): Place {
  return { index: 0, key: Buffer.from(`large:${type}`) };
}
