/** The dictionary against a Map; scans meet every key, and a compaction in steps loses none. */

import fc from "fast-check";
import type { Arena } from "../../memory/arena.ts";
import { NODE, PAGE_SHIFT } from "../../memory/arena-layout.ts";
import { Dictionary } from "../../memory/dictionary.ts";
import { SET_MEMBER_LAYOUT } from "../../memory/dictionary-layout.ts";
import { type Model, same } from "./model.ts";

const KEYS = 1000;
const MEMBER_OFFSET = 4;

type DictionaryOperation =
  | { readonly kind: "add" | "remove" | "find"; readonly key: number }
  | { readonly kind: "fill"; readonly key: number; readonly count: number }
  | { readonly kind: "clear"; readonly key: number; readonly count: number }
  | { readonly kind: "relocate"; readonly steps: number };

const key = fc.nat({ max: KEYS });
const count = fc.nat({ max: 400 });

export const dictionaryModel: Model<DictionaryOperation> = {
  name: "dictionary",
  operation: fc.oneof(
    { weight: 20, arbitrary: fc.record({ kind: fc.constantFrom("add", "remove", "find"), key }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("fill", "clear"), key, count }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("relocate" as const), steps: fc.nat({ max: 5 }) }) },
  ),
  start(arena) {
    const dictionary = new Dictionary(arena, SET_MEMBER_LAYOUT, 1, 2);
    let root = dictionary.create();
    const model = new Map<number, string>();
    const find = (text: Buffer): number =>
      dictionary.find(root, dictionary.hash(text, 0, text.length), text, 0, text.length);
    const add = (number: number): void => {
      const text = textOf(number);
      if (find(text) !== 0) return;
      dictionary.insertMissed(root, dictionary.hash(text, 0, text.length), createRecord(arena, text));
      model.set(number, text.toString());
    };
    const remove = (number: number): void => {
      const text = textOf(number);
      const record = dictionary.remove(root, dictionary.hash(text, 0, text.length), text, 0, text.length);
      same(record !== 0, model.delete(number), `removal of ${number}`);
      if (record !== 0) arena.free(record);
    };
    const relocate = (steps: number): void => {
      leaveAll(arena);
      root = arena.relocate(root);
      let position = 0;
      for (let step = 0; step <= steps; step++) {
        position = dictionary.relocate(root, position, (record) => arena.relocate(record));
        if (position === 0) break;
      }
    };
    const content = (): string[] => {
      const found: string[] = [];
      let cursor = 0;
      do cursor = dictionary.scan(root, cursor, 50, (record) => found.push(memberOf(arena, record)));
      while (cursor !== 0);
      return found.sort();
    };
    return {
      apply(operation) {
        if (operation.kind === "relocate") relocate(operation.steps);
        else if ("count" in operation) {
          const change = operation.kind === "fill" ? add : remove;
          for (let next = operation.key; next < operation.key + operation.count; next++) change(next);
        } else if (operation.kind === "add") add(operation.key);
        else if (operation.kind === "remove") remove(operation.key);
        else same(find(textOf(operation.key)) !== 0, model.has(operation.key), "find");
        same(dictionary.count(root), model.size, "count");
      },
      check() {
        same(content(), [...model.values()].sort(), "content");
      },
      end: () => dictionary.free(root, (record) => arena.free(record)),
    };
  },
};

/** Every page is to be emptied, so a step of compaction moves all it meets. */
export function leaveAll(arena: Arena): void {
  const pages = Array.from({ length: arena.pageCountOf(NODE) }, (_, place) => arena.pageOfKind(NODE, place));
  for (const page of pages) if (!arena.isLeaving(page << PAGE_SHIFT)) arena.leave(page);
}

function textOf(number: number): Buffer {
  return Buffer.from(`key:${number}`);
}

function createRecord(arena: Arena, text: Buffer): number {
  const record = arena.allocate(MEMBER_OFFSET + text.length);
  const granule = record & 0x7fffff;
  (arena.words[record >>> 23] as Int32Array)[granule << 1] = text.length;
  text.copy(arena.bytes[record >>> 23] as Buffer, (granule << 3) + MEMBER_OFFSET);
  return record;
}

function memberOf(arena: Arena, record: number): string {
  const granule = record & 0x7fffff;
  const length = (arena.words[record >>> 23] as Int32Array)[granule << 1] as number;
  const start = (granule << 3) + MEMBER_OFFSET;
  return (arena.bytes[record >>> 23] as Buffer).toString("latin1", start, start + length);
}
