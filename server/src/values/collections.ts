/**
 * What the collection values of a server share: the arena, the encoding limits and one dictionary object for each layout
 * of records. It holds one view of each type for commands that work on one value at a time, makes further views for those
 * that work on several, and copies and frees values of any type. No value is a JavaScript object at rest.
 */

import type { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { Dictionary } from "../memory/dictionary.ts";
import { HASH_FIELD_LAYOUT, SET_MEMBER_LAYOUT, SORTED_SET_MEMBER_LAYOUT } from "../memory/dictionary-layout.ts";
import type { Random } from "../platform/random.ts";
import { copyRoot } from "./copy-value.ts";
import type { EncodingLimits } from "./encoding-limits.ts";
import { PendingFrees } from "./free-value.ts";
import { HashValue } from "./hash.ts";
import { ListValue } from "./list.ts";
import { SetValue } from "./set.ts";
import { SortedSetValue } from "./sorted-set.ts";
import { ValueType } from "./value-type.ts";

/** Dictionary segments (about 600 members each) or list blocks that are freed at once: some 50 µs. */
const FREE_SLICE = 2;

type CollectionView = ListValue | HashValue | SetValue | SortedSetValue;

export class Collections {
  readonly arena: Arena;
  readonly limits: EncodingLimits;
  readonly random: Random;
  readonly list: ListValue;
  readonly hash: HashValue;
  readonly set: SetValue;
  readonly sortedSet: SortedSetValue;
  /** For commands that read one element at a time. */
  readonly span = new ByteSpan();
  readonly #fields: Dictionary;
  readonly #members: Dictionary;
  readonly #scoredMembers: Dictionary;
  /** Views of their own, because values are freed while a command has the others open. */
  readonly #freeing: Record<number, CollectionView>;
  readonly #pending: PendingFrees;

  constructor(arena: Arena, limits: EncodingLimits, random: Random) {
    this.arena = arena;
    this.limits = limits;
    this.random = random;
    const seed0 = random.uint32();
    const seed1 = random.uint32();
    this.#fields = new Dictionary(arena, HASH_FIELD_LAYOUT, seed0, seed1);
    this.#members = new Dictionary(arena, SET_MEMBER_LAYOUT, seed0, seed1);
    this.#scoredMembers = new Dictionary(arena, SORTED_SET_MEMBER_LAYOUT, seed0, seed1);
    this.list = this.createListView();
    this.hash = this.createHashView();
    this.set = this.createSetView();
    this.sortedSet = this.createSortedSetView();
    this.#freeing = this.#createViews();
    this.#pending = new PendingFrees((type, encoding, root) => {
      const view = viewFor(this.#freeing, type);
      view.open(root, encoding);
      return view.freeSome(FREE_SLICE);
    });
  }

  createListView(): ListValue {
    return new ListValue(this.arena, this.limits);
  }

  createHashView(): HashValue {
    return new HashValue(this.arena, this.#fields, this.limits);
  }

  createSetView(): SetValue {
    return new SetValue(this.arena, this.#members, this.limits);
  }

  createSortedSetView(): SortedSetValue {
    return new SortedSetValue(this.arena, this.#scoredMembers, this.limits);
  }

  /** Frees a value; of a large one the first part now and the rest by `drainFrees`. */
  free(type: number, encoding: number, root: number): void {
    this.#pending.free(type, encoding, root);
  }

  /** Large values that are deleted but not yet freed. */
  get pendingFrees(): number {
    return this.#pending.count;
  }

  /** Frees parts of deleted values while there is time; true when nothing is left to free. */
  drainFrees(hasTime: () => boolean): boolean {
    return this.#pending.drain(hasTime);
  }

  /** The root of a copy of a value, in the same encoding. */
  copy(type: number, encoding: number, root: number): number {
    return copyRoot(viewFor(this.#createViews(), type), viewFor(this.#createViews(), type), encoding, root);
  }

  /** Bytes of the arena that a value takes; a large one's records by a sample of this many (0: all). */
  memoryBytes(type: number, encoding: number, root: number, samples: number): number {
    const view = viewFor(this.#createViews(), type);
    view.open(root, encoding);
    return view.memoryBytes(samples);
  }

  #createViews(): Record<number, CollectionView> {
    return {
      [ValueType.list]: this.createListView(),
      [ValueType.hash]: this.createHashView(),
      [ValueType.set]: this.createSetView(),
      [ValueType.sortedSet]: this.createSortedSetView(),
    };
  }
}

function viewFor(views: Record<number, CollectionView>, type: number): CollectionView {
  const view = views[type];
  if (view === undefined) throw new Error(`Cannot open a value of type ${type}: it is no collection`);
  return view;
}
