/** A stream's entries against an array: appending, deleting, trimming, ranges from both ends, copies and compaction. */

import fc from "fast-check";
import { ByteSpan } from "../../memory/byte-span.ts";
import { Int64 } from "../../memory/int64.ts";
import { isValidListpack } from "../../memory/listpack.ts";
import { StreamId } from "../../memory/stream-id.ts";
import { defaultEncodingLimits } from "../encoding-limits.ts";
import { StreamValue } from "../stream.ts";
import { leaveAll } from "./dictionary-model.ts";
import { anyText, type Model, type ModelRun, same } from "./model.ts";

type Append = {
  readonly kind: "append";
  readonly ms: number;
  readonly seq: number;
  readonly words: readonly string[];
  readonly count: number;
};
type StreamOperation =
  | Append
  | { readonly kind: "delete" | "trimToId"; readonly at: number }
  | { readonly kind: "trim"; readonly length: number; readonly isApproximate: boolean; readonly limit: number }
  | { readonly kind: "range"; readonly from: number; readonly to: number; readonly isReverse: boolean }
  | { readonly kind: "relocate" | "copy" };

interface Entry {
  readonly id: StreamId;
  readonly words: readonly string[];
}

const at = fc.nat();
/** Steps of an id's halves: small ones, those that carry, and those whose difference needs all 64 bits. */
const part = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(127, 4096, 2 ** 31, 2 ** 32 - 1) },
);
const fieldName = fc.oneof({ weight: 5, arbitrary: fc.constantFrom("a", "b") }, { weight: 1, arbitrary: anyText });
const words = fc
  .array(fc.tuple(fieldName, anyText), { minLength: 1, maxLength: 3 })
  .map((pairs): readonly string[] => pairs.flat());
const LIMITS = { ...defaultEncodingLimits(), streamNodeMaxBytes: 2000, streamNodeMaxEntries: 12 };
const ZERO = new StreamId();
const LARGEST = new StreamId().setLargest();

export const streamModel: Model<StreamOperation> = {
  name: "stream",
  operation: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        ...{ kind: fc.constant("append" as const), ms: part, seq: part, words },
        count: fc.integer({ min: 1, max: 30 }),
      }),
    },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("delete" as const), at }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("trimToId" as const), at }) },
    {
      weight: 1,
      arbitrary: fc.record({
        ...{ kind: fc.constant("trim" as const), length: fc.nat({ max: 300 }), isApproximate: fc.boolean() },
        limit: fc.oneof(fc.constant(0), fc.nat({ max: 40 })),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("range" as const), from: at, to: at, isReverse: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("relocate", "copy") }) },
  ),
  start: (arena) =>
    new StreamRun(new StreamValue(arena, LIMITS), new StreamValue(arena, LIMITS), () => leaveAll(arena)),
};

class StreamRun implements ModelRun<StreamOperation> {
  readonly #view: StreamValue;
  readonly #other: StreamValue;
  readonly #leaveAll: () => void;
  readonly #last = new StreamId();
  readonly #maxDeleted = new StreamId();
  #model: Entry[] = [];
  #added = 0;

  constructor(view: StreamValue, other: StreamValue, leave: () => void) {
    this.#view = view;
    this.#other = other;
    this.#leaveAll = leave;
    view.create();
  }

  apply(operation: StreamOperation): void {
    switch (operation.kind) {
      case "append":
        for (let left = operation.count; left > 0; left--) this.#append(operation);
        break;
      case "delete":
        this.#delete(operation.at);
        break;
      case "trim":
        this.#trim(operation.length, operation.isApproximate, operation.limit);
        break;
      case "trimToId":
        this.#trimToId(operation.at);
        break;
      case "range":
        this.#range(operation.from, operation.to, operation.isReverse);
        break;
      case "relocate":
        this.#leaveAll();
        for (let position = this.#view.relocate(0); position !== 0; ) position = this.#view.relocate(position);
        break;
      case "copy":
        this.#other.copyFrom(this.#view, new ByteSpan());
        same(contentOf(this.#other, ZERO, LARGEST, false), this.#model.map(shown), "copy");
        while (!this.#other.freeSome(1));
        break;
    }
    same(this.#view.count, this.#model.length, "count");
  }

  check(): void {
    const view = this.#view;
    const expected = this.#model.map(shown);
    same(contentOf(view, ZERO, LARGEST, false), expected, "content");
    same(contentOf(view, ZERO, LARGEST, true), expected.reverse(), "content from behind");
    same(String(view.readLastId(new StreamId())), String(this.#last), "last id");
    same(String(view.readMaxDeleted(new StreamId())), String(this.#maxDeleted), "largest deleted id");
    same(String(view.readFirstId(new StreamId())), String(this.#model[0]?.id ?? ZERO), "first id");
    same(view.readAdded(new Int64()).toNumber(), this.#added, "entries added");
    const span = new ByteSpan();
    for (let block = 0; block < view.blocks.blockCount(view.ring); block++) {
      view.blocks.readPacked(view.ring, block, span);
      same(isValidListpack(span.buffer, span.offset, span.length), true, `validity of block ${block}`);
    }
  }

  end(): void {
    while (!this.#view.freeSome(1));
  }

  #append({ ms, seq, words }: Append): void {
    const id = this.#last.copy(this.#last).add(0, ms, 0, seq);
    if (ms === 0 && seq === 0) id.increment();
    const offset: number[] = [];
    for (let k = 0, place = 0; k < words.length; place += (words[k++] as string).length) offset.push(place);
    const source = {
      buffer: Buffer.from(words.join(""), "latin1"),
      offset: Int32Array.from(offset),
      length: Int32Array.from(words, (word) => word.length),
    };
    // What carries out of the sequence number is lost: such an id would not be larger.
    if (id.compare(this.#view.readLastId(new StreamId())) <= 0) {
      this.#view.readLastId(id).increment();
    }
    this.#view.append(id, source, 0, words.length / 2);
    this.#model.push({ id: new StreamId().copy(id), words });
    this.#added++;
  }

  #delete(place: number): void {
    const entry = this.#model[place % (this.#model.length + 1)];
    const id = entry?.id ?? new StreamId().copy(this.#last).increment();
    if (typeof id === "boolean") return;
    same(this.#view.delete(id), entry !== undefined, "deletion");
    if (entry === undefined) return;
    same(this.#view.delete(id), false, "deletion of what is gone");
    this.#model.splice(this.#model.indexOf(entry), 1);
    if (this.#maxDeleted.compare(id) < 0) this.#maxDeleted.copy(id);
  }

  #trim(maxLength: number, isApproximate: boolean, limit: number): void {
    const surplus = Math.max(0, this.#model.length - maxLength);
    const request = { maxLength, isApproximate, limit: isApproximate ? limit : 0, minId: ZERO };
    const removed = this.#view.trim(request);
    if (!isApproximate) same(removed, surplus, "entries trimmed");
    same(removed <= surplus && (request.limit === 0 || removed <= limit), true, `${removed} trimmed: within limits`);
    this.#model.splice(0, removed);
  }

  #trimToId(place: number): void {
    const index = place % (this.#model.length + 1);
    const minId = this.#model[index]?.id ?? LARGEST;
    const removed = this.#view.trim({ maxLength: undefined, isApproximate: false, limit: 0, minId });
    same(removed, index, "entries trimmed by id");
    this.#model.splice(0, removed);
  }

  #range(from: number, to: number, isReverse: boolean): void {
    const first = from % (this.#model.length + 1);
    const last = to % (this.#model.length + 1);
    const start = this.#model[first]?.id ?? LARGEST;
    const end = this.#model[last]?.id ?? LARGEST;
    const expected = this.#model.slice(first, last + 1).map(shown);
    same(contentOf(this.#view, start, end, isReverse), isReverse ? expected.reverse() : expected, "range");
    this.#findAll(first, 1 + (to % 5));
  }

  /** Each `step`th entry from one on, and the ids behind them, in ascending order. */
  #findAll(first: number, step: number): void {
    const view = this.#view;
    const behind = new StreamId();
    let isFirst = true;
    for (let place = first; place < this.#model.length; place += step) {
      const { id } = this.#model[place] as Entry;
      same(view.findAscending(id, isFirst), true, `whether ${id} is found`);
      isFirst = false;
      same(String(view.cursor.id), String(id), "the entry found");
      behind.copy(id).increment();
      const next = this.#model[place + 1]?.id;
      const isNext = next !== undefined && next.compare(behind) === 0;
      same(view.findAscending(behind, false), isNext, `whether ${behind} is found`);
    }
  }
}

function shown({ id, words }: Entry): string {
  return `${id} ${words.join(" ")}`;
}

function contentOf(view: StreamValue, start: StreamId, end: StreamId, isReverse: boolean): string[] {
  const { cursor } = view;
  const field = new ByteSpan();
  const value = new ByteSpan();
  const found: string[] = [];
  view.seek(start, end, isReverse);
  while (cursor.next()) {
    const words: string[] = [];
    for (let k = cursor.fieldCount; k > 0; k--) {
      cursor.readPair(field, value);
      words.push(field.toBuffer().toString("latin1"), value.toBuffer().toString("latin1"));
    }
    found.push(`${cursor.id} ${words.join(" ")}`);
  }
  return found;
}
