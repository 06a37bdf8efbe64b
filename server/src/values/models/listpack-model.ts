/** The listpack against an array of strings; its bytes stay valid by Redis' rules. */

import fc from "fast-check";
import { ByteSpan } from "../../memory/byte-span.ts";
import {
  createListpack,
  deleteFromListpack,
  findInListpack,
  insertInListpack,
  isValidListpack,
  LISTPACK_HEADER,
  listpackBytes,
  listpackCount,
  listpackEnd,
  NOT_FOUND,
  nextPosition,
  previousPosition,
  readListpack,
  replaceInListpack,
  seekListpack,
} from "../../memory/listpack.ts";
import { EncodedEntry } from "../../memory/listpack-entry.ts";
import { anyText, type Model, same } from "./model.ts";

type ListpackOperation =
  | { readonly kind: "insert" | "replace"; readonly at: number; readonly text: string }
  | { readonly kind: "delete"; readonly at: number; readonly count: number }
  | { readonly kind: "find"; readonly text: string };

const at = fc.nat();

export const listpackModel: Model<ListpackOperation> = {
  name: "listpack",
  operation: fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("insert" as const), at, text: anyText }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("replace" as const), at, text: anyText }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("delete" as const), at, count: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("find" as const), text: anyText }) },
  ),
  start(arena) {
    let handle = createListpack(arena);
    const model: string[] = [];
    const entry = new EncodedEntry();
    const span = new ByteSpan();
    const encode = (text: string): EncodedEntry => {
      const bytes = Buffer.from(text, "latin1");
      entry.encode(bytes, 0, bytes.length);
      return entry;
    };
    const positionOf = (index: number): number =>
      index === model.length ? listpackEnd(arena, handle) : seekListpack(arena, handle, index);
    const read = (position: number): string => {
      readListpack(arena, handle, position, span);
      return span.toBuffer().toString("latin1");
    };
    return {
      apply(operation) {
        if (operation.kind === "insert") {
          const index = operation.at % (model.length + 1);
          handle = insertInListpack(arena, handle, positionOf(index), encode(operation.text));
          model.splice(index, 0, operation.text);
        } else if (operation.kind === "find") {
          const position = findInListpack(arena, handle, LISTPACK_HEADER, encode(operation.text), 0);
          same(
            position === NOT_FOUND ? undefined : read(position),
            model.find((text) => text === operation.text),
            "find",
          );
        } else if (model.length > 0) {
          const index = operation.at % model.length;
          if (operation.kind === "delete") {
            const count = Math.min(operation.count, model.length - index);
            handle = deleteFromListpack(arena, handle, positionOf(index), count);
            model.splice(index, count);
          } else {
            handle = replaceInListpack(arena, handle, positionOf(index), encode(operation.text));
            model[index] = operation.text;
          }
        }
        same(listpackCount(arena, handle), model.length, "count");
      },
      check() {
        const forward: string[] = [];
        const end = listpackEnd(arena, handle);
        for (let place = LISTPACK_HEADER; place !== end; place = nextPosition(arena, handle, place))
          forward.push(read(place));
        same(forward, model, "content");
        let place = end;
        for (let index = model.length - 1; index >= 0; index--) {
          place = previousPosition(arena, handle, place);
          same(read(place), model[index], `entry ${index} from behind`);
        }
        const bytes = arena.bytes[handle >>> 23] as Buffer;
        const start = (handle & 0x7fffff) << 3;
        same(isValidListpack(bytes, start, listpackBytes(arena, handle)), true, "validity");
      },
      end: () => arena.free(handle),
    };
  },
};
