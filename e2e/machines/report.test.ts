import { describe, expect, test } from "vitest";
import { describeRun, type TurnReport } from "./report.ts";

const TURN: TurnReport = {
  at: 12,
  kinds: ["node cut off"],
  what: "n2",
  heldSeconds: 20,
  readySeconds: 3.25,
  longestGapSeconds: 7.5,
  writes: 4_000,
  errors: {},
  lost: [],
};

const RUN = { seed: 5, minutes: 15, acknowledged: 9_000, lost: [], rounds: 800, violations: [] };

describe("the report of a chaos run", () => {
  test("gives the worst of each kind of fault, in turns with others too", () => {
    const both = { ...TURN, kinds: ["node cut off", "server killed"], readySeconds: 11, longestGapSeconds: 6 };
    expect(describeRun({ ...RUN, turns: [TURN, both] }).split("\n")).toEqual([
      "chaos: seed 5, 15 minutes, 2 turns, 1 of them with two faults",
      "  node cut off: 2, Ready after 11.0 s at most, pause of writes 7.5 s at most",
      "  server killed: 1, Ready after 11.0 s at most, pause of writes 6.0 s at most",
      "  0 of 9000 acknowledged writes lost",
      "  0 times two servers took writes of one slot, in 800 rounds of asking all",
    ]);
  });

  test("says what did not hold", () => {
    const late = { ...TURN, readySeconds: null };
    const text = describeRun({
      ...RUN,
      turns: [TURN, late],
      lost: ["load:7"],
      violations: ["a and b both take writes"],
    });
    expect(text).toContain("node cut off: 2, Ready after 3.3 s at most, 1 times not in time");
    expect(text).toContain("1 of 9000 acknowledged writes lost");
    expect(text).toContain("a and b both take writes");
  });
});
