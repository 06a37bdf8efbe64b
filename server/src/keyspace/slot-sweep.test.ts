import { keySlot } from "@kvcluster/protocol/slots";
import { describe, expect, it } from "vitest";
import { SlotSweep } from "./slot-sweep.ts";
import { TestKeyspace } from "./test-keyspace.ts";

const slotOf = (tag: string): number => keySlot(Buffer.from(tag), 0, tag.length);
const [GONE, ALSO_GONE, OURS] = [slotOf("gone"), slotOf("also"), slotOf("ours")];
const AT_ONCE = (): boolean => true;

function filled(keysInEach: number) {
  const test = new TestKeyspace({ isClusterEnabled: true, databaseCount: 1 });
  for (let i = 0; i < keysInEach; i++) {
    for (const tag of ["gone", "also", "ours"]) test.set(`{${tag}}:${i}`, "value");
  }
  const finished: number[] = [];
  const sweep = new SlotSweep(
    test.keyspace,
    (key) => test.delete(key.toString()),
    (slots) => finished.push(...slots),
  );
  return { test, sweep, finished, count: (slot: number) => test.keyspace.countInSlot(slot) };
}

describe("slots that other nodes serve now", () => {
  it("lose their keys in slices, and no other slot does", () => {
    const { sweep, finished, count } = filled(3000);
    sweep.add([GONE]);
    let slices = 0;
    while (!sweep.run(AT_ONCE)) slices++;
    expect(slices).toBeGreaterThan(10);
    expect([count(GONE), count(ALSO_GONE), count(OURS)]).toEqual([0, 3000, 3000]);
    expect(finished).toEqual([GONE]);
  });

  it("are all swept when more come in the middle of a pass", () => {
    const { sweep, finished, count } = filled(3000);
    sweep.add([GONE]);
    for (let slice = 0; slice < 20; slice++) sweep.run(AT_ONCE);
    sweep.add([ALSO_GONE]);
    while (!sweep.run(AT_ONCE)) expect(sweep.waiting).toBeGreaterThan(0);
    expect([count(GONE), count(ALSO_GONE), count(OURS)]).toEqual([0, 0, 3000]);
    expect(new Set(finished)).toEqual(new Set([GONE, ALSO_GONE]));
  });

  it("lose the rest at once when they come back, and keep what is new", () => {
    const { test, sweep, count } = filled(3000);
    sweep.add([GONE, ALSO_GONE]);
    sweep.run(AT_ONCE);
    sweep.finish([GONE]);
    expect([count(GONE), sweep.has(GONE), sweep.has(ALSO_GONE)]).toEqual([0, false, true]);
    test.set("{gone}:new", "value");
    while (!sweep.run(AT_ONCE)) expect(sweep.has(ALSO_GONE)).toBe(true);
    expect([count(GONE), count(ALSO_GONE)]).toEqual([1, 0]);
  });
});
