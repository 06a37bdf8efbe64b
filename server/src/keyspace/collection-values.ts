/**
 * Frees and copies the values of keys that are not strings, through views of its own: a key may be deleted because it has
 * expired while a command works on another value through the shared views.
 */

import type { Handle } from "../memory/arena-layout.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import type { Collections } from "../values/collections.ts";
import { PendingFrees } from "../values/free-value.ts";
import type { HashValue } from "../values/hash.ts";
import type { ListValue } from "../values/list.ts";
import { isRelocatable } from "../values/relocatable.ts";
import type { SetValue } from "../values/set.ts";
import type { SortedSetValue } from "../values/sorted-set.ts";
import type { StreamValue } from "../values/stream.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import type { CollectionValues, StoredCollection } from "./keyspace-state.ts";

const NOTHING = Buffer.alloc(0);
/** A copy has the encoding of the original, also where the original has shrunk since it got it. */
const ABOVE_ALL_LIMITS = Number.POSITIVE_INFINITY;

interface Views {
  readonly list: ListValue;
  readonly set: SetValue;
  readonly sortedSet: SortedSetValue;
  readonly hash: HashValue;
  readonly stream: StreamValue;
}

export function createCollectionValues(collections: Collections): CollectionValues {
  const source = createViews(collections);
  const target = createViews(collections);
  const step = { root: 0, next: 0 };
  const pending = new PendingFrees({
    open(type, root, encoding) {
      const view = viewOf(source, type);
      view.open(root, encoding);
      return view;
    },
  });
  const expiring = collections.createHashView();
  return {
    openHash(encoding, root) {
      expiring.open(root, encoding);
      return expiring;
    },
    fieldClock: collections.fieldClock,
    free: (type, encoding, root) => pending.free(type, encoding, root),
    freeLater(type, encoding, root) {
      if (isOneBlock(encoding)) collections.arena.free(root);
      else pending.freeLater(type, encoding, root);
    },
    get waitingFrees() {
      return pending.count;
    },
    get finishedFrees() {
      return pending.freed;
    },
    drain: (hasTime) => pending.drain(hasTime),
    copy(type, encoding, root) {
      if (isOneBlock(encoding)) return { root: copyBlock(collections, root), encoding };
      viewOf(source, type).open(root, encoding);
      return copyView(type, source, target);
    },
    relocate(type, encoding, root, position) {
      step.root = root;
      step.next = 0;
      if (isOneBlock(encoding)) {
        step.root = collections.arena.relocate(root);
        return step;
      }
      const view = viewOf(source, type);
      if (!isRelocatable(view)) return step;
      view.open(root, encoding);
      step.next = view.relocate(position);
      step.root = view.root;
      return step;
    },
  };
}

function createViews(collections: Collections): Views {
  return {
    list: collections.createListView(),
    set: collections.createSetView(),
    sortedSet: collections.createSortedSetView(),
    hash: collections.createHashView(),
    stream: collections.createStreamView(),
  };
}

function viewOf(views: Views, type: number): ListValue | SetValue | SortedSetValue | HashValue | StreamValue {
  switch (type) {
    case ValueType.list:
      return views.list;
    case ValueType.set:
      return views.set;
    case ValueType.sortedSet:
      return views.sortedSet;
    case ValueType.hash:
      return views.hash;
    case ValueType.stream:
      return views.stream;
    default:
      throw new Error(`No view for a value of type ${type}`);
  }
}

function isOneBlock(encoding: number): boolean {
  return encoding === Encoding.listpack || encoding === Encoding.intset;
}

function copyBlock({ arena }: Collections, root: Handle): Handle {
  const size = arena.capacityOf(root);
  const copy = arena.allocate(size);
  const from = (root & 0x7fffff) << 3;
  const target = arena.bytes[copy >>> 23] as Buffer;
  (arena.bytes[root >>> 23] as Buffer).copy(target, (copy & 0x7fffff) << 3, from, from + size);
  return copy;
}

/** Copies what the source view of this type is open on, element by element. */
function copyView(type: number, source: Views, target: Views): StoredCollection {
  switch (type) {
    case ValueType.list:
      return copyList(source.list, target.list);
    case ValueType.set:
      return copySet(source.set, target.set);
    case ValueType.sortedSet:
      return copySortedSet(source.sortedSet, target.sortedSet);
    case ValueType.stream:
      target.stream.copyFrom(source.stream, new ByteSpan());
      return { root: target.stream.root, encoding: target.stream.encoding };
    default:
      return copyHash(source.hash, target.hash);
  }
}

function copyList(source: ListValue, target: ListValue): StoredCollection {
  const span = new ByteSpan();
  const count = source.count;
  target.create();
  target.growFor(ABOVE_ALL_LIMITS, count);
  source.seek(0);
  for (let index = 0; index < count; index++) {
    source.read(span);
    target.pushTail(span.buffer, span.offset, span.length);
    source.next();
  }
  return { root: target.root, encoding: target.encoding };
}

function copySet(source: SetValue, target: SetValue): StoredCollection {
  target.create(NOTHING, 0, 0, 0);
  target.prepareFor(ABOVE_ALL_LIMITS);
  source.forEach((member) => {
    target.add(member.buffer, member.offset, member.length);
  });
  return { root: target.root, encoding: target.encoding };
}

function copySortedSet(source: SortedSetValue, target: SortedSetValue): StoredCollection {
  const span = new ByteSpan();
  const count = source.count;
  target.create(0, 0);
  target.prepareFor(ABOVE_ALL_LIMITS, 0);
  source.seek(0);
  for (let rank = 0; rank < count; rank++) {
    source.readMember(span);
    target.set(source.scoreAtCursor, span.buffer, span.offset, span.length);
    source.next();
  }
  return { root: target.root, encoding: target.encoding };
}

function copyHash(source: HashValue, target: HashValue): StoredCollection {
  const span = new ByteSpan();
  if (source.encoding === Encoding.listpackex) {
    source.readPacked(span);
    target.load(Encoding.listpackex, span.buffer, span.offset, span.length);
    return { root: target.root, encoding: target.encoding };
  }
  target.create();
  target.prepareFor(ABOVE_ALL_LIMITS);
  source.forEachStored((field, value, expireAtMs) => {
    target.set(field.buffer, field.offset, field.length, value.buffer, value.offset, value.length);
    if (expireAtMs !== 0) target.setExpiry(field.buffer, field.offset, field.length, expireAtMs);
  });
  return { root: target.root, encoding: target.encoding };
}
