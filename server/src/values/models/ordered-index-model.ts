/** The ordered index against a sorted array: ranks, ranges of scores, cursor in both directions, and compaction. */

import fc from "fast-check";
import { OrderedIndex } from "../../memory/ordered-index.ts";
import { relocateNodes } from "../../memory/ordered-index-walks.ts";
import { compareMembers, createScoredRecord, setScore } from "../../memory/scored-record.ts";
import { leaveAll } from "./dictionary-model.ts";
import { type Model, same } from "./model.ts";

type IndexOperation =
  | { readonly kind: "add" | "remove" | "move" | "rank"; readonly member: number; readonly score: number }
  | { readonly kind: "fill"; readonly member: number; readonly count: number; readonly score: number }
  | { readonly kind: "rankOfScore"; readonly score: number; readonly inclusive: boolean }
  | { readonly kind: "relocate" };

interface Entry {
  readonly member: string;
  score: number;
  record: number;
}

const MEMBERS = 2000;
const member = fc.nat({ max: MEMBERS });
const score = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true }));

export const orderedIndexModel: Model<IndexOperation> = {
  name: "ordered index",
  operation: fc.oneof(
    { weight: 20, arbitrary: fc.record({ kind: fc.constantFrom("add", "remove", "move", "rank"), member, score }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("fill" as const), member, count: fc.nat({ max: 300 }), score }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("rankOfScore" as const), score, inclusive: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("relocate" as const) }) },
  ),
  start(arena) {
    const index = new OrderedIndex(arena, compareMembers);
    let handle = index.create();
    const model = new Map<number, Entry>();
    const sorted = (): Entry[] => [...model.values()].sort(compareEntries);
    const add = (number: number, given: number): void => {
      if (model.has(number)) return;
      const text = Buffer.from(`member:${number}`);
      const record = createScoredRecord(arena, given, text, 0, text.length);
      index.insert(handle, given, record);
      model.set(number, { member: text.toString(), score: given, record });
    };
    const remove = (number: number, entry: Entry): void => {
      index.delete(handle, entry.score, entry.record);
      arena.free(entry.record);
      model.delete(number);
    };
    const move = (entry: Entry, given: number): void => {
      index.move(handle, entry.score, entry.record, given);
      setScore(arena, entry.record, given);
      entry.score = given;
    };
    const relocate = (): void => {
      leaveAll(arena);
      handle = arena.relocate(handle);
      for (const entry of model.values()) {
        if (!arena.isLeaving(entry.record)) continue;
        const moved = arena.duplicate(entry.record);
        index.replaceRecord(handle, entry.score, entry.record, moved);
        arena.free(entry.record);
        entry.record = moved;
      }
      let rank = 0;
      do rank = relocateNodes(arena, handle, rank);
      while (rank !== 0);
    };
    return {
      apply(operation) {
        if (operation.kind === "relocate") relocate();
        else if (operation.kind === "fill") {
          for (let next = 0; next < operation.count; next++) add(operation.member + next, operation.score + next);
        } else if (operation.kind === "rankOfScore") {
          const below = sorted().filter((entry) =>
            operation.inclusive ? entry.score <= operation.score : entry.score < operation.score,
          );
          same(index.rankOfScore(handle, operation.score, operation.inclusive), below.length, "rank of a score");
        } else {
          const entry = model.get(operation.member);
          if (operation.kind === "add") add(operation.member, operation.score);
          else if (entry === undefined) return;
          else if (operation.kind === "remove") remove(operation.member, entry);
          else if (operation.kind === "move") move(entry, operation.score);
          else same(index.rank(handle, entry.score, entry.record), sorted().indexOf(entry), "rank");
        }
        same(index.count(handle), model.size, "count");
      },
      check() {
        const expected = sorted().map(({ record }) => record);
        const forward: number[] = [];
        const backward: number[] = [];
        if (expected.length > 0) index.seek(handle, 0);
        for (let left = expected.length; left > 0; left--, index.next()) forward.push(index.record);
        if (expected.length > 0) index.seek(handle, expected.length - 1);
        for (let left = expected.length; left > 0; left--, index.previous()) backward.push(index.record);
        same(forward, expected, "content");
        same(backward, expected.reverse(), "content from behind");
      },
      end() {
        for (const { record } of model.values()) arena.free(record);
        while (!index.freeSome(handle, 10));
      },
    };
  },
};

function compareEntries(left: Entry, right: Entry): number {
  if (left.score !== right.score) return left.score - right.score;
  return left.member < right.member ? -1 : 1;
}
