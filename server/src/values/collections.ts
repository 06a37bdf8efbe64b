/**
 * What the values of a server share: the arena, the encoding limits and one dictionary object for each layout of records.
 * It holds one view of each type for commands that work on one value at a time, makes further views for those that work
 * on several, and frees values of any type, large ones a slice at a time. No value is a JavaScript object at rest.
 */

import type { Arena } from "../memory/arena.ts";
import { Dictionary } from "../memory/dictionary.ts";
import { HASH_FIELD_LAYOUT, SET_MEMBER_LAYOUT, SORTED_SET_MEMBER_LAYOUT } from "../memory/dictionary-layout.ts";
import type { Random } from "../platform/random.ts";
import type { EncodingLimits } from "./encoding-limits.ts";
import { HashValue } from "./hash.ts";
import { ListValue } from "./list.ts";
import { SetValue } from "./set.ts";
import { SortedSetValue } from "./sorted-set.ts";
import { ValueType } from "./value-type.ts";

export class Collections {
  readonly arena: Arena;
  readonly limits: EncodingLimits;
  readonly random: Random;
  readonly list: ListValue;
  readonly hash: HashValue;
  readonly set: SetValue;
  readonly sortedSet: SortedSetValue;
  readonly #fields: Dictionary;
  readonly #members: Dictionary;
  readonly #scoredMembers: Dictionary;

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

  /** The view for a collection type, opened. */
  open(type: number, root: number, encoding: number): ListValue | HashValue | SetValue | SortedSetValue {
    const view = this.#viewOf(type);
    view.open(root, encoding);
    return view;
  }

  #viewOf(type: number): ListValue | HashValue | SetValue | SortedSetValue {
    switch (type) {
      case ValueType.list:
        return this.list;
      case ValueType.hash:
        return this.hash;
      case ValueType.set:
        return this.set;
      case ValueType.sortedSet:
        return this.sortedSet;
      default:
        throw new Error(`No view for a value of type ${type}`);
    }
  }
}
