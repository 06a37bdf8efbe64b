import { describe, expect, it } from "vitest";
import { SyncPace } from "./sync-pace.ts";

function quickPace(): SyncPace {
  const pace = new SyncPace(1000);
  for (let i = 0; i < 8; i++) pace.add(200);
  return pace;
}

describe("SyncPace", () => {
  it("calls a disk quick only after several quick syncs", () => {
    const pace = new SyncPace(1000);
    expect(pace.isQuick).toBe(false);
    let syncs = 0;
    for (; !pace.isQuick; syncs++) pace.add(300);
    expect(syncs).toBeGreaterThan(3);
    expect(syncs).toBeLessThan(9);
  });

  it("forgives a sync now and then that had to wait for a core", () => {
    const pace = quickPace();
    for (let i = 0; i < 100; i++) {
      pace.add(i % 4 === 0 ? 8000 : 200);
      expect(pace.isQuick).toBe(true);
    }
  });

  it("is slow after some slow syncs in a row", () => {
    const pace = quickPace();
    pace.add(1500);
    pace.add(1500);
    pace.add(1500);
    expect(pace.isQuick).toBe(false);
  });

  it("is slow after one sync that took really long, and quick again after several quick ones", () => {
    const pace = quickPace();
    pace.add(20_000);
    expect(pace.isQuick).toBe(false);
    let syncs = 0;
    for (; !pace.isQuick; syncs++) pace.add(300);
    expect(syncs).toBeGreaterThan(3);
  });

  it("never calls a disk quick whose syncs take longer than that", () => {
    const pace = new SyncPace(1000);
    for (let i = 0; i < 100; i++) pace.add(1001 + (i % 5));
    expect(pace.isQuick).toBe(false);
  });

  it("calls no disk quick with a limit of 0", () => {
    const pace = new SyncPace(0);
    for (let i = 0; i < 100; i++) pace.add(0);
    expect(pace.isQuick).toBe(false);
  });
});
