/** The quicklist, a ring of blocks, against an array of strings. */

import fc from "fast-check";
import { ByteSpan } from "../../memory/byte-span.ts";
import { isValidListpack } from "../../memory/listpack.ts";
import { EncodedEntry } from "../../memory/listpack-entry.ts";
import { defaultEncodingLimits } from "../encoding-limits.ts";
import { Quicklist } from "../quicklist.ts";
import { leaveAll } from "./dictionary-model.ts";
import { anyText, type Model, same } from "./model.ts";

type ListOperation =
  | { readonly kind: "pushHead" | "pushTail"; readonly text: string; readonly count: number }
  | { readonly kind: "insert" | "replace"; readonly at: number; readonly text: string }
  | { readonly kind: "delete"; readonly at: number }
  | { readonly kind: "trimHead" | "trimTail"; readonly count: number }
  | { readonly kind: "relocate" };

const at = fc.nat();
const count = fc.integer({ min: 1, max: 60 });

export const quicklistModel: Model<ListOperation> = {
  name: "quicklist",
  operation: fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("pushHead", "pushTail"), text: anyText, count }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("insert", "replace"), at, text: anyText }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("delete" as const), at }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("trimHead", "trimTail"), count }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("relocate" as const) }) },
  ),
  start(arena) {
    const list = new Quicklist(arena, { ...defaultEncodingLimits(), listMaxListpackSize: -1 });
    let root = list.create();
    const model: string[] = [];
    const entry = new EncodedEntry();
    const span = new ByteSpan();
    const encode = (text: string): EncodedEntry => {
      const bytes = Buffer.from(text, "latin1");
      entry.encode(bytes, 0, bytes.length);
      return entry;
    };
    const push = (operation: { kind: string; text: string; count: number }): void => {
      for (let left = operation.count; left > 0; left--) {
        if (operation.kind === "pushHead") {
          root = list.pushHead(root, encode(operation.text));
          model.unshift(operation.text);
        } else {
          root = list.pushTail(root, encode(operation.text));
          model.push(operation.text);
        }
      }
    };
    const edit = (operation: { kind: string; at: number; text?: string }): void => {
      const index = operation.at % model.length;
      list.seek(root, index);
      const text = operation.text ?? "";
      if (operation.kind === "delete") {
        list.deleteAtCursor(root);
        model.splice(index, 1);
      } else if (operation.kind === "insert") {
        root = list.insertAtCursor(root, encode(text));
        model.splice(index, 0, text);
      } else {
        root = list.replaceAtCursor(root, encode(text));
        model[index] = text;
      }
    };
    const trim = (operation: { kind: string; count: number }): void => {
      const dropped = Math.min(operation.count, model.length);
      if (operation.kind === "trimHead") {
        list.trimHead(root, dropped);
        model.splice(0, dropped);
      } else {
        list.trimTail(root, dropped);
        model.splice(model.length - dropped, dropped);
      }
    };
    const relocate = (): void => {
      leaveAll(arena);
      root = arena.relocate(root);
      let block = 0;
      do block = list.relocate(root, block);
      while (block !== 0);
    };
    return {
      apply(operation) {
        if (operation.kind === "relocate") relocate();
        else if ("at" in operation) {
          if (model.length > 0) edit(operation);
        } else if ("text" in operation) push(operation);
        else trim(operation);
        same(list.count(root), model.length, "count");
      },
      check() {
        const found: string[] = [];
        if (model.length > 0) list.seek(root, 0);
        for (let left = model.length; left > 0; left--, list.next(root)) {
          list.read(root, span);
          found.push(span.toBuffer().toString("latin1"));
        }
        same(found, model, "content");
        for (let block = 0; block < list.blockCount(root); block++) {
          list.sealBlock(root, block, span);
          same(isValidListpack(span.buffer, span.offset, span.length), true, `validity of block ${block}`);
        }
      },
      end() {
        while (!list.freeSome(root, 5));
      },
    };
  },
};
