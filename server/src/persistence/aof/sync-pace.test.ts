import { describe, expect, it } from "vitest";
import { SyncPace } from "./sync-pace.ts";

describe("SyncPace", () => {
  it("knows nothing before the first sync", () => {
    const pace = new SyncPace(1000);
    expect(pace.isQuick).toBe(false);
    pace.add(200);
    expect(pace.isQuick).toBe(true);
  });

  it("is slow after one slow sync, and quick again after some quick ones", () => {
    const pace = new SyncPace(1000);
    pace.add(200);
    pace.add(20_000);
    expect(pace.isQuick).toBe(false);
    let syncs = 0;
    for (; !pace.isQuick; syncs++) pace.add(300);
    expect(syncs).toBeGreaterThan(3);
    expect(syncs).toBeLessThan(20);
  });

  it("never calls a disk quick whose syncs take longer than that", () => {
    const pace = new SyncPace(1000);
    for (let i = 0; i < 100; i++) pace.add(1001 + (i % 5));
    expect(pace.isQuick).toBe(false);
  });
});
