/**
 * What every type and encoding of collection has to hold when compaction moves it: after a walk in steps the content is the
 * same, every page that was to leave is free, nothing has leaked, and the value can still be changed and freed.
 */

import { describe, expect, it } from "vitest";
import { Arena } from "../memory/arena.ts";
import { type Handle, NODE, PAGE_SHIFT, RECORD, VOLATILE_RECORD } from "../memory/arena-layout.ts";
import { createSeededRandom } from "../platform/random.ts";
import { agree, agreeInAll } from "../testing/agree.ts";
import { Collections } from "./collections.ts";
import { defaultEncodingLimits } from "./encoding-limits.ts";
import type { Relocatable } from "./relocatable.ts";

/** A view with a value of this type and encoding, and how to look at it and change it. */
export interface RelocatableSubject {
  readonly view: Relocatable & { freeSome(steps: number): boolean; memoryBytes(samples: number): number };
  /** Everything a client can see of the value, in its order or in a sorted one. */
  content(): readonly string[];
  /** Adds and removes elements, so that wrong links show. */
  change(): void;
}

export interface RelocatableCase {
  readonly name: string;
  /** Makes a value on a view of its own. */
  create(collections: Collections): RelocatableSubject;
}

/** More than any of them takes. */
const STEPS_MAX = 100_000;

interface Scene {
  readonly arena: Arena;
  readonly subject: RelocatableSubject;
  /** `usedBytes` without the value. */
  readonly emptyBytes: number;
}

function setUp(subject: RelocatableCase): Scene {
  const arena = new Arena();
  const collections = new Collections(arena, defaultEncodingLimits(), createSeededRandom(1));
  const emptyBytes = arena.usedBytes;
  return { arena, subject: subject.create(collections), emptyBytes };
}

function markAll(arena: Arena): void {
  for (const kind of [NODE, RECORD, VOLATILE_RECORD] as const) {
    const pages = Array.from({ length: arena.pageCountOf(kind) }, (_, place) => arena.pageOfKind(kind, place));
    for (const page of pages) arena.leave(page);
  }
}

function leavingPages(arena: Arena): number {
  let count = 0;
  for (let page = 1; page < arena.pageEnd; page++) if (arena.isLeaving(page << PAGE_SHIFT)) count++;
  return count;
}

function relocateAll({ subject }: Scene, between: () => void = () => undefined): Handle {
  let position = 0;
  let steps = 0;
  do {
    position = subject.view.relocate(position);
    between();
    agree(++steps < STEPS_MAX, true);
  } while (position !== 0);
  return subject.view.root;
}

function freeAll({ arena, subject, emptyBytes }: Scene): void {
  while (!subject.view.freeSome(1));
  expect(arena.usedBytes).toBe(emptyBytes);
}

export function relocatableContract(cases: readonly RelocatableCase[]): void {
  describe.each(cases)("compaction of a $name", (given) => {
    it("moves every block and changes nothing else", () => {
      const scene = setUp(given);
      const { arena, subject } = scene;
      const before = subject.content();
      const usedBytes = arena.usedBytes;
      for (let round = 0; round < 3; round++) {
        markAll(arena);
        relocateAll(scene);
        expect(leavingPages(arena)).toBe(0);
        agreeInAll(subject.content(), before);
      }
      expect(arena.usedBytes).toBe(usedBytes);
      subject.change();
      freeAll(scene);
    });

    it("finds every block counted: before and after the value has changed", () => {
      const { arena, subject, emptyBytes } = setUp(given);
      for (let change = 0; change < 50; change++) {
        expect(subject.view.memoryBytes(0)).toBe(arena.usedBytes - emptyBytes);
        subject.change();
      }
    });

    it("goes on when the value changes between two steps", () => {
      const scene = setUp(given);
      const { arena, subject } = scene;
      const reference = setUp(given);
      markAll(arena);
      relocateAll(scene, () => {
        subject.change();
        reference.subject.change();
      });
      agreeInAll(subject.content(), reference.subject.content());
      freeAll(scene);
    });
  });
}
