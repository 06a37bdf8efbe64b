import { describe, expect, test } from "vitest";
import { FAULTS } from "./faults.ts";
import { seededRandom } from "./random.ts";
import { schedule, type Turn } from "./schedule.ts";

function turns(seed: number, count: number): readonly Turn[] {
  const all = schedule(FAULTS, seededRandom(seed));
  return Array.from({ length: count }, () => all.next().value);
}

describe("the schedule of faults", () => {
  test("is the same again for the same seed, and another for another", () => {
    expect(turns(1, 40)).toEqual(turns(1, 40));
    expect(turns(1, 40)).not.toEqual(turns(2, 40));
  });

  test("has every kind in each round, and sometimes two faults at once", () => {
    const kinds = turns(7, FAULTS.length).flatMap(({ faults }) => faults.map(({ kind }) => kind));
    expect(new Set(kinds)).toEqual(new Set(FAULTS.map(({ kind }) => kind)));
    const doubles = turns(7, 400).filter(({ faults }) => faults.length === 2).length;
    expect(doubles).toBeGreaterThan(60);
    expect(doubles).toBeLessThan(140);
  });

  test("never takes two of one group at once, and keeps the order of the table", () => {
    for (const { faults } of turns(3, 400)) {
      expect(new Set(faults.map(({ group }) => group)).size).toBe(faults.length);
      const places = faults.map(({ kind }) => FAULTS.findIndex((fault) => fault.kind === kind));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
    }
  });

  test("holds a fault for as long as its kind allows", () => {
    for (const { faults, holdMs } of turns(5, 200)) {
      expect(holdMs).toBeLessThanOrEqual(Math.max(...faults.map((fault) => fault.holdMs[1])));
      expect(holdMs).toBeGreaterThanOrEqual(Math.max(...faults.map((fault) => fault.holdMs[0])));
    }
  });
});
