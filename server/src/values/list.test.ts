import { describe, expect, it } from "vitest";
import { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { isValidListpack } from "../memory/listpack.ts";
import { EncodedEntry } from "../memory/listpack-entry.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { defaultEncodingLimits } from "./encoding-limits.ts";
import { ListValue } from "./list.ts";
import { Encoding } from "./value-type.ts";

function contents(list: ListValue): string[] {
  const span = new ByteSpan();
  const values: string[] = [];
  const count = list.count;
  if (count > 0) list.seek(0);
  for (let k = 0; k < count; k++, list.next()) {
    list.read(span);
    values.push(span.toBuffer().toString("latin1"));
  }
  return values;
}

function randomValue(random: Random, longest: number): string {
  if (random.below(40) === 0) return "L".repeat(random.below(longest));
  return random.below(2) === 0 ? String(random.below(100_000)) : "v".repeat(random.below(60)) + random.below(9);
}

class ModelledList {
  readonly arena = new Arena();
  readonly list: ListValue;
  readonly model: string[] = [];
  readonly #before = this.arena.usedBytes;

  constructor(listMaxListpackSize: number) {
    this.list = new ListValue(this.arena, { ...defaultEncodingLimits(), listMaxListpackSize });
    this.list.create();
  }

  push(value: string, atHead: boolean): void {
    const bytes = Buffer.from(value, "latin1");
    this.list.growFor(bytes.length, 1);
    if (atHead) this.list.pushHead(bytes, 0, bytes.length);
    else this.list.pushTail(bytes, 0, bytes.length);
    if (atHead) this.model.unshift(value);
    else this.model.push(value);
  }

  insert(index: number, value: string): void {
    const bytes = Buffer.from(value, "latin1");
    this.list.growFor(bytes.length, 1);
    this.list.seek(index);
    this.list.insertAtCursor(bytes, 0, bytes.length);
    this.model.splice(index, 0, value);
  }

  replace(index: number, value: string): void {
    const bytes = Buffer.from(value, "latin1");
    this.list.growFor(bytes.length, 0);
    this.list.seek(index);
    this.list.replaceAtCursor(bytes, 0, bytes.length);
    this.model[index] = value;
  }

  deleteRun(index: number, entries: number): void {
    this.list.seek(index);
    for (let k = 0; k < entries; k++) this.list.deleteAtCursor();
    this.model.splice(index, entries);
  }

  trim(atHead: boolean, entries: number): void {
    if (atHead) this.list.trimHead(entries);
    else this.list.trimTail(entries);
    this.model.splice(atHead ? 0 : this.model.length - entries, entries);
  }

  freed(): boolean {
    while (!this.list.freeSome(3));
    return this.arena.usedBytes === this.#before;
  }
}

function randomEdit(random: Random, subject: ModelledList, longest: number): void {
  const length = subject.model.length;
  const kind = random.below(20);
  if (kind < 8 || length < 3) subject.push(randomValue(random, longest), kind % 2 === 0);
  else if (kind < 13) subject.insert(random.below(length), randomValue(random, longest));
  else if (kind < 16) subject.replace(random.below(length), randomValue(random, longest));
  else {
    const entries = 1 + random.below(Math.min(length - 1, random.below(30) === 0 ? 900 : 6));
    if (kind < 18) subject.deleteRun(random.below(length - entries), entries);
    else subject.trim(kind === 18, entries);
    subject.list.shrink();
  }
}

describe("list value", () => {
  it.each([
    [1, -2, 20_000],
    [2, -1, 300],
    [3, 5, 300],
    [4, 1, 50],
    [5, -5, 90_000],
  ])("follows an array through random edits (seed %i, list-max-listpack-size %i)", (seed, size, longest) => {
    const random = createSeededRandom(seed);
    const subject = new ModelledList(size);
    for (let round = 0; round < 4000; round++) {
      randomEdit(random, subject, longest);
      if (round % 400 === 0) expect(contents(subject.list), `seed ${seed} round ${round}`).toEqual(subject.model);
    }
    expect(contents(subject.list)).toEqual(subject.model);
    const span = new ByteSpan();
    let entries = 0;
    for (let block = 0; block < subject.list.blockCount; block++) {
      subject.list.readBlock(block, span);
      expect(isValidListpack(span.buffer, span.offset, span.length)).toBe(true);
      entries += span.buffer.readUInt16LE(span.offset + 4);
    }
    expect(entries).toBe(subject.model.length);
    const backwards: string[] = [];
    subject.list.seek(subject.model.length - 1);
    for (let k = 0; k < subject.model.length; k++, subject.list.previous()) {
      subject.list.read(span);
      backwards.push(span.toBuffer().toString("latin1"));
    }
    expect(backwards.reverse()).toEqual(subject.model);
    expect(subject.freed()).toBe(true);
  });

  it("is a listpack up to 8 KiB, a quicklist beyond, and a listpack again at half", () => {
    const subject = new ModelledList(-2);
    while (subject.list.encoding === Encoding.listpack) subject.push("x".repeat(100), false);
    expect(subject.model.length).toBeGreaterThan(75);
    expect(subject.model.length).toBeLessThan(83);
    subject.trim(true, 20);
    subject.list.shrink();
    expect(subject.list.encoding).toBe(Encoding.quicklist);
    subject.trim(false, 30);
    subject.list.shrink();
    expect(subject.list.encoding).toBe(Encoding.listpack);
    expect(contents(subject.list)).toEqual(subject.model);
  });

  it("works as a queue in constant memory", () => {
    const subject = new ModelledList(-2);
    for (let k = 0; k < 5000; k++) subject.push(`item-${k}`, true);
    const used = subject.arena.usedBytes;
    for (let k = 0; k < 20_000; k++) {
      subject.push(`item-${k % 10_000}`, true);
      subject.trim(false, 1);
    }
    expect(subject.arena.usedBytes).toBeLessThan(used + 3 * 8192);
    expect(contents(subject.list)).toEqual(subject.model);
  });

  it("compares the entry under the cursor as bytes, integers included", () => {
    for (const filler of [0, 1000]) {
      const subject = new ModelledList(-2);
      for (let k = 0; k < filler; k++) subject.push(`filler ${k} of some length`, false);
      subject.push("12", false);
      subject.list.seek(filler);
      const entry = new EncodedEntry();
      entry.encode(Buffer.from("12"), 0, 2);
      expect(subject.list.isAtCursor(entry)).toBe(true);
      entry.encode(Buffer.from("1"), 0, 1);
      expect(subject.list.isAtCursor(entry)).toBe(false);
    }
  });
});
