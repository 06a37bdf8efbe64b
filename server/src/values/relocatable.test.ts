import { ByteSpan } from "../memory/byte-span.ts";
import { StreamId } from "../memory/stream-id.ts";
import type { Collections } from "./collections.ts";
import { type RelocatableCase, relocatableContract } from "./relocatable.contract.ts";

function bytesOf(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function streamCase(name: string, count: number): RelocatableCase {
  return {
    name,
    create(collections: Collections) {
      const view = collections.createStreamView();
      const id = new StreamId();
      const source = { buffer: bytesOf("fieldvalue"), offset: Int32Array.of(0, 5), length: Int32Array.of(5, 5) };
      let next = 1;
      const append = (): void => view.append(id.set(0, next++, 0, 0), source, 0, 1);
      view.create();
      while (next <= count) append();
      return {
        view,
        content() {
          const found: string[] = [];
          view.seek(new StreamId(), new StreamId().setLargest());
          while (view.cursor.next()) found.push(String(view.cursor.id));
          return found;
        },
        change() {
          append();
          view.delete(id.set(0, next >>> 1, 0, 0));
        },
      };
    },
  };
}

/** `count` pending entries in the larger one of two groups, over this many consumers. */
function groupsCase(name: string, count: number, consumers: number): RelocatableCase {
  return {
    name,
    create(collections: Collections) {
      const view = collections.createStreamView();
      const { groups } = view;
      const id = new StreamId();
      const span = new ByteSpan();
      const named = (text: string): ByteSpan => {
        span.set(bytesOf(text), 0, text.length);
        return span;
      };
      const group = (): number => view.findGroup(named("group"));
      let next = 0;
      const deliver = (): void => {
        const consumer = groups.findConsumer(group(), named(`consumer:${next % consumers}`));
        groups.assign(group(), id.set(0, next, 0, 0), consumer);
        groups.deliveryMs = next++;
        groups.setDeliveries(0, 1);
      };
      view.create();
      view.createGroup(named("empty"), id);
      view.createGroup(named("group"), id);
      for (let k = 0; k < consumers; k++) groups.createConsumer(group(), named(`consumer:${k}`), k, -1);
      while (next < count) deliver();
      return {
        view,
        content() {
          const found: string[] = [];
          const nameOf = (record: number): string => {
            groups.names.readName(record, span);
            return String(span.toBuffer());
          };
          for (let k = 0; k < view.groupCount; k++) found.push(nameOf(view.groupAt(k)));
          const tree = groups.tree(group());
          for (let more = groups.pending.seek(tree, id.setZero()); more; more = groups.pending.next(tree)) {
            found.push(`${groups.pending.readId(id)} ${nameOf(groups.pendingConsumer(group()))} ${groups.deliveryMs}`);
          }
          for (let k = 0; k < groups.consumerCount(group()); k++) {
            const consumer = groups.consumerAt(group(), k);
            const own = groups.ownTree(consumer);
            found.push(nameOf(consumer));
            for (let more = groups.ownPending.seek(own, id.setZero()); more; more = groups.ownPending.next(own)) {
              found.push(String(groups.ownPending.readId(id)));
            }
          }
          return found;
        },
        change() {
          deliver();
          groups.acknowledge(group(), id.set(0, next >>> 1, 0, 0));
        },
      };
    },
  };
}

function listCase(name: string, count: number): RelocatableCase {
  return {
    name,
    create(collections: Collections) {
      const view = collections.createListView();
      let next = count;
      const push = (text: string, atTail: boolean): void => {
        const bytes = bytesOf(text);
        view.growFor(bytes.length, 1);
        if (atTail) view.pushTail(bytes, 0, bytes.length);
        else view.pushHead(bytes, 0, bytes.length);
      };
      view.create();
      for (let index = 0; index < count; index++) push(`element:${index}`, true);
      return {
        view,
        content() {
          const span = new ByteSpan();
          const found: string[] = [];
          view.seek(0);
          for (let index = 0; index < view.count; index++, view.next()) {
            view.read(span);
            found.push(span.toBuffer().toString());
          }
          return found;
        },
        change() {
          push(`element:${next++}`, next % 2 === 0);
          view.seek(view.count >>> 1);
          view.deleteAtCursor();
        },
      };
    },
  };
}

function setCase(name: string, count: number, element: (index: number) => string): RelocatableCase {
  return {
    name,
    create(collections: Collections) {
      const view = collections.createSetView();
      const member = (index: number): Buffer => bytesOf(element(index));
      let next = count;
      view.create(member(0), 0, member(0).length, count);
      for (let index = 0; index < count; index++) view.add(member(index), 0, member(index).length);
      return {
        view,
        content() {
          const found: string[] = [];
          view.forEach((span) => {
            found.push(span.toBuffer().toString());
          });
          return found.sort();
        },
        change() {
          const gone = member(next - count);
          const added = member(next++);
          view.remove(gone, 0, gone.length);
          view.add(added, 0, added.length);
        },
      };
    },
  };
}

/** `isExpiring`: every second field has an expiry time. */
function hashCase(name: string, count: number, isExpiring = false): RelocatableCase {
  return {
    name,
    create(collections: Collections) {
      const view = collections.createHashView();
      let next = count;
      const put = (index: number, value: string): void => {
        const field = bytesOf(`field:${index}`);
        const bytes = bytesOf(value);
        view.set(field, 0, field.length, bytes, 0, bytes.length);
        if (isExpiring && index % 2 === 0) view.setExpiry(field, 0, field.length, 1_000_000 + index);
      };
      view.create();
      for (let index = 0; index < count; index++) put(index, `value:${index}`);
      return {
        view,
        content() {
          const found: string[] = [];
          view.forEachStored((field, value, expireAtMs) => {
            found.push(`${field.toBuffer()}=${value.toBuffer()} ${expireAtMs}`);
          });
          return found.sort();
        },
        change() {
          const gone = bytesOf(`field:${next - count}`);
          view.delete(gone, 0, gone.length);
          put(next++, "new");
          put(next - 2, "a longer value than it had before");
        },
      };
    },
  };
}

function sortedSetCase(name: string, count: number, score: (index: number) => number): RelocatableCase {
  return {
    name,
    create(collections: Collections) {
      const view = collections.createSortedSetView();
      const member = (index: number): Buffer => bytesOf(`member:${index}`);
      let next = count;
      view.create(count, 12);
      for (let index = 0; index < count; index++) view.set(score(index), member(index), 0, member(index).length);
      return {
        view,
        content() {
          const span = new ByteSpan();
          const found: string[] = [];
          view.seek(0);
          for (let rank = 0; rank < view.count; rank++, view.next()) {
            view.readMember(span);
            const bytes = span.toBuffer();
            found.push(`${bytes} ${view.scoreAtCursor} ${view.score(bytes, 0, bytes.length)}`);
          }
          return found;
        },
        change() {
          const gone = member(next - count);
          const moved = member(next - (count >>> 1));
          view.remove(gone, 0, gone.length);
          view.set(score(next), member(next), 0, member(next).length);
          view.set(-score(next), moved, 0, moved.length);
          next++;
        },
      };
    },
  };
}

const scattered = (index: number): number => (index * 7919) % 10_007;

relocatableContract([
  streamCase("stream of one block", 20),
  streamCase("stream of many blocks", 9000),
  groupsCase("stream with small groups", 20, 40),
  groupsCase("stream with many pending entries", 9000, 3),
  listCase("list, listpack", 20),
  listCase("list, quicklist", 30_000),
  setCase("set, intset", 100, (index) => String(index * 3)),
  setCase("set, listpack", 20, (index) => `member:${index}`),
  setCase("set, hashtable of one segment", 300, (index) => `member:${index}`),
  setCase("set, hashtable", 5000, (index) => `member:${index}`),
  hashCase("hash, listpack", 20),
  hashCase("hash, hashtable", 5000),
  hashCase("hash, listpackex", 20, true),
  hashCase("hash, hashtable with expiry times", 5000, true),
  sortedSetCase("sorted set, listpack", 20, scattered),
  sortedSetCase("sorted set, skiplist", 6000, scattered),
  sortedSetCase("sorted set, skiplist of equal scores", 6000, () => 0),
]);
