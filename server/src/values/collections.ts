/**
 * What the collection values of a server share: the arena, the encoding limits and one dictionary object for each layout
 * of records. It holds one view of each type for commands that work on one value at a time and makes further views for
 * those that work on several. No value is a JavaScript object at rest.
 */

import type { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { Dictionary } from "../memory/dictionary.ts";
import { HASH_FIELD_LAYOUT, SET_MEMBER_LAYOUT, SORTED_SET_MEMBER_LAYOUT } from "../memory/dictionary-layout.ts";
import { compareNumbers, OrderedIndex } from "../memory/ordered-index.ts";
import { PackedRun } from "../memory/packed-run.ts";
import type { Random } from "../platform/random.ts";
import type { EncodingLimits } from "./encoding-limits.ts";
import { type FieldClock, HashValue } from "./hash.ts";
import { ListValue } from "./list.ts";
import { SetValue } from "./set.ts";
import { SortedSetValue } from "./sorted-set.ts";
import { StreamValue } from "./stream.ts";
import { ValueType } from "./value-type.ts";

const RECORDS_AT_ONCE = 128;

type CollectionView = ListValue | HashValue | SetValue | SortedSetValue | StreamValue;

export class Collections {
  readonly arena: Arena;
  readonly limits: EncodingLimits;
  readonly random: Random;
  readonly list: ListValue;
  /** For commands that work on two lists; the same for sets. */
  readonly secondList: ListValue;
  readonly hash: HashValue;
  readonly set: SetValue;
  readonly secondSet: SetValue;
  readonly sortedSet: SortedSetValue;
  readonly stream: StreamValue;
  /** For commands that read one element, or one pair, at a time. */
  readonly span = new ByteSpan();
  readonly secondSpan = new ByteSpan();
  /** For commands that reply with many packed entries. */
  readonly run = new PackedRun();
  /** For those that reply with many records. */
  readonly records = new Int32Array(RECORDS_AT_ONCE);
  /** Which fields of hashes have expired: the keyspace sets it with its own time. */
  readonly fieldClock: FieldClock = { expiredBeforeMs: 0 };
  readonly #fields: Dictionary;
  readonly #expiries: OrderedIndex;
  readonly #members: Dictionary;
  readonly #scoredMembers: Dictionary;
  readonly #views: Readonly<Record<number, CollectionView>>;

  constructor(arena: Arena, limits: EncodingLimits, random: Random) {
    this.arena = arena;
    this.limits = limits;
    this.random = random;
    const seed0 = random.uint32();
    const seed1 = random.uint32();
    this.#fields = new Dictionary(arena, HASH_FIELD_LAYOUT, seed0, seed1);
    this.#members = new Dictionary(arena, SET_MEMBER_LAYOUT, seed0, seed1);
    this.#scoredMembers = new Dictionary(arena, SORTED_SET_MEMBER_LAYOUT, seed0, seed1);
    this.#expiries = new OrderedIndex(arena, compareNumbers);
    this.list = this.createListView();
    this.secondList = this.createListView();
    this.hash = this.createHashView();
    this.set = this.createSetView();
    this.secondSet = this.createSetView();
    this.sortedSet = this.createSortedSetView();
    this.stream = this.createStreamView();
    this.#views = {
      [ValueType.list]: this.list,
      [ValueType.hash]: this.hash,
      [ValueType.set]: this.set,
      [ValueType.sortedSet]: this.sortedSet,
      [ValueType.stream]: this.stream,
    };
  }

  createListView(): ListValue {
    return new ListValue(this.arena, this.limits);
  }

  createHashView(): HashValue {
    const { arena, limits, fieldClock: clock } = this;
    return new HashValue({ arena, limits, clock, fields: this.#fields, expiries: this.#expiries });
  }

  createSetView(): SetValue {
    return new SetValue(this.arena, this.#members, this.limits);
  }

  createSortedSetView(): SortedSetValue {
    return new SortedSetValue(this.arena, this.#scoredMembers, this.limits);
  }

  createStreamView(): StreamValue {
    return new StreamValue(this.arena, this.limits);
  }

  /** The view for a collection type, opened. */
  open(type: number, root: number, encoding: number): CollectionView {
    const view = this.#views[type];
    if (view === undefined) throw new Error(`Cannot open a value of type ${type}: it is no collection`);
    view.open(root, encoding);
    return view;
  }

  /** Bytes of the arena that a value takes; a large one's records by a sample of this many (0: all). */
  memoryBytes(type: number, encoding: number, root: number, samples: number): number {
    return this.open(type, root, encoding).memoryBytes(samples);
  }
}
