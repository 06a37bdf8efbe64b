import { describe, expect, it } from "vitest";
import { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { createSeededRandom } from "../platform/random.ts";
import { Collections } from "../values/collections.ts";
import { defaultEncodingLimits } from "../values/encoding-limits.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { createCollectionValues } from "./collection-values.ts";

const SIZES = [3, 5000];

function setUp() {
  const arena = new Arena();
  const collections = new Collections(arena, defaultEncodingLimits(), createSeededRandom(1));
  return { arena, collections, values: createCollectionValues(collections) };
}

type Parts = ReturnType<typeof setUp>;

/** For each type: stores `size` elements, and reads the elements of a value as text. */
const TYPES = [
  {
    name: "list",
    type: ValueType.list,
    fill({ collections }: Parts, elements: readonly Buffer[]) {
      const view = collections.list;
      view.create();
      view.growFor(elements.length * 12, elements.length);
      for (const element of elements) view.pushTail(element, 0, element.length);
      return { root: view.root, encoding: view.encoding };
    },
    read({ collections }: Parts, root: number, encoding: number) {
      const view = collections.list;
      const span = new ByteSpan();
      const found: string[] = [];
      view.open(root, encoding);
      view.seek(0);
      for (let i = 0; i < view.count; i++) {
        view.read(span);
        found.push(span.toBuffer().toString());
        view.next();
      }
      return found;
    },
  },
  {
    name: "set",
    type: ValueType.set,
    fill({ collections }: Parts, elements: readonly Buffer[]) {
      const view = collections.set;
      view.create(elements[0] as Buffer, 0, (elements[0] as Buffer).length, elements.length);
      for (const element of elements) view.add(element, 0, element.length);
      return { root: view.root, encoding: view.encoding };
    },
    read({ collections }: Parts, root: number, encoding: number) {
      const found: string[] = [];
      collections.set.open(root, encoding);
      collections.set.forEach((member) => {
        found.push(member.toBuffer().toString());
      });
      return found.sort();
    },
  },
  {
    name: "hash",
    type: ValueType.hash,
    fill({ collections }: Parts, elements: readonly Buffer[]) {
      const view = collections.hash;
      view.create();
      view.prepareFor(elements.length);
      for (const element of elements) view.set(element, 0, element.length, element, 0, 2);
      return { root: view.root, encoding: view.encoding };
    },
    read({ collections }: Parts, root: number, encoding: number) {
      const found: string[] = [];
      collections.hash.open(root, encoding);
      collections.hash.forEach((field, value) => {
        found.push(`${field.toBuffer()}=${value.toBuffer()}`);
      });
      return found.sort();
    },
  },
  {
    name: "sorted set",
    type: ValueType.sortedSet,
    fill({ collections }: Parts, elements: readonly Buffer[]) {
      const view = collections.sortedSet;
      view.create(elements.length, 10);
      for (const [index, element] of elements.entries()) view.set(index % 7, element, 0, element.length);
      return { root: view.root, encoding: view.encoding };
    },
    read({ collections }: Parts, root: number, encoding: number) {
      const view = collections.sortedSet;
      const span = new ByteSpan();
      const found: string[] = [];
      view.open(root, encoding);
      view.seek(0);
      for (let i = 0; i < view.count; i++) {
        view.readMember(span);
        found.push(`${span.toBuffer()}:${view.scoreAtCursor}`);
        view.next();
      }
      return found;
    },
  },
];

describe("collection values", () => {
  for (const { name, type, fill, read } of TYPES) {
    for (const size of SIZES) {
      it(`copies a ${name} of ${size} elements, and frees both without a rest`, () => {
        const parts = setUp();
        const { arena, values } = parts;
        const before = arena.usedBytes;
        const elements = Array.from({ length: size }, (_, index) => Buffer.from(`element:${index}`));
        const original = fill(parts, elements);
        const copy = values.copy(type, original.encoding, original.root);
        expect(copy.encoding).toBe(original.encoding);
        expect(copy.root).not.toBe(original.root);
        const expected = read(parts, original.root, original.encoding);
        expect(expected.length).toBe(size);
        values.free(type, original.encoding, original.root);
        expect(values.drain(() => true)).toBe(true);
        expect(read(parts, copy.root, copy.encoding)).toEqual(expected);
        values.free(type, copy.encoding, copy.root);
        values.drain(() => true);
        expect(arena.usedBytes).toBe(before);
      });
    }
  }

  it("keeps the encoding of a set that has shrunk", () => {
    const parts = setUp();
    const { collections, values } = parts;
    const elements = Array.from({ length: 1000 }, (_, index) => Buffer.from(`element:${index}`));
    TYPES[1]?.fill(parts, elements);
    for (const element of elements.slice(2)) collections.set.remove(element, 0, element.length);
    const copy = values.copy(ValueType.set, collections.set.encoding, collections.set.root);
    expect(copy.encoding).toBe(Encoding.hashtable);
    expect(TYPES[1]?.read(parts, copy.root, copy.encoding)).toEqual(["element:0", "element:1"]);
  });

  it("does not disturb the views that commands use", () => {
    const parts = setUp();
    const { collections, values } = parts;
    const elements = [Buffer.from("a"), Buffer.from("b")];
    const kept = TYPES[1]?.fill(parts, elements);
    const keptRoot = collections.set.root;
    const freed = TYPES[1]?.fill(parts, elements);
    collections.set.open(keptRoot, kept?.encoding ?? 0);
    values.free(ValueType.set, freed?.encoding ?? 0, freed?.root ?? 0);
    expect(collections.set.root).toBe(keptRoot);
    expect(collections.set.count).toBe(2);
  });
});
