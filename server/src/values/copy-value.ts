/**
 * Copies of collection values, in the encoding they have: packed ones and the blocks of lists as bytes, tables member by
 * member.
 */

import { ByteSpan } from "../memory/byte-span.ts";
import { HashValue } from "./hash.ts";
import { ListValue } from "./list.ts";
import { SetValue } from "./set.ts";
import { SortedSetValue } from "./sorted-set.ts";
import { Encoding } from "./value-type.ts";

type View = ListValue | HashValue | SetValue | SortedSetValue;

/** Both views must be of the value's type; they are left open on the original and the copy. */
export function copyRoot(source: View, target: View, encoding: number, root: number): number {
  source.open(root, encoding);
  if (source instanceof ListValue && target instanceof ListValue) copyList(source, target);
  else if (source instanceof HashValue && target instanceof HashValue) copyHash(source, target);
  else if (source instanceof SetValue && target instanceof SetValue) copySet(source, target);
  else if (source instanceof SortedSetValue && target instanceof SortedSetValue) copySortedSet(source, target);
  return target.root;
}

function copyList(source: ListValue, target: ListValue): void {
  const span = new ByteSpan();
  if (source.encoding === Encoding.listpack) {
    source.readBlock(0, span);
    target.load(span.buffer, span.offset, span.length);
    return;
  }
  target.create();
  for (let block = 0; block < source.blockCount; block++) {
    source.readBlock(block, span);
    target.appendBlock(span.buffer, span.offset, span.length);
  }
}

function copyHash(source: HashValue, target: HashValue): void {
  const span = new ByteSpan();
  if (source.encoding === Encoding.listpack) {
    source.readPacked(span);
    target.load(span.buffer, span.offset, span.length);
    return;
  }
  target.createTable(source.count);
  source.forEach((field, value) => {
    target.set(field.buffer, field.offset, field.length, value.buffer, value.offset, value.length);
  });
}

function copySet(source: SetValue, target: SetValue): void {
  const span = new ByteSpan();
  if (source.encoding !== Encoding.hashtable) {
    source.readPacked(span);
    target.load(source.encoding, span.buffer, span.offset, span.length);
    return;
  }
  target.createTable(source.count);
  source.forEach((member) => {
    target.add(member.buffer, member.offset, member.length);
  });
}

function copySortedSet(source: SortedSetValue, target: SortedSetValue): void {
  const span = new ByteSpan();
  if (source.encoding === Encoding.listpack) {
    source.readPacked(span);
    target.load(span.buffer, span.offset, span.length);
    return;
  }
  target.createTable(source.count);
  source.seek(0);
  for (let left = source.count; left > 0; left--, source.next()) {
    source.readMember(span);
    target.set(source.scoreAtCursor, span.buffer, span.offset, span.length);
  }
}
