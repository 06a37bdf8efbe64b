// The operator's sentences are read for numbers: these tests take them from the operator itself.
import { describe, expect, it } from "vitest";
import type { ClusterFacts } from "../status/cluster-facts.ts";
import { upToDate } from "../status/up-to-date.ts";
import { clusterWith, condition, exampleWorld } from "./example-world.ts";
import { operationsOf } from "./under-way.ts";

function operationsWith(...[type, status, reason, message]: Parameters<typeof condition>) {
  const cluster = clusterWith({ conditions: [condition(type, status, reason, message)] });
  return operationsOf(exampleWorld({ cluster }));
}

describe("what is under way", () => {
  it("is nothing in a settled cluster", () => {
    expect(operationsOf(exampleWorld())).toEqual([]);
  });

  it("counts restarted servers in the operator's words", () => {
    const pods = [true, false, false].map((isCurrent) => ({ pod: "p", isReady: true, isCurrent, trouble: undefined }));
    const verdict = upToDate({ pods } as unknown as ClusterFacts);
    const [operation] = operationsWith(verdict.type, verdict.status, verdict.reason, verdict.message);
    expect(operation?.progress).toEqual({ done: 1, total: 3, unit: "servers" });
  });

  it("counts slots in place while shards come", () => {
    const cluster = clusterWith(
      {
        conditions: [condition("Balanced", "False", "MovingSlots", "some")],
        shardStatus: ["0-5460", "5461-10922", "10923-16383", "", ""].map((slots, index) => ({ index, slots })),
      },
      { shards: 5 },
    );
    // A share is 3,277 slots, rounded up; the three have 6,553 more than that.
    const progress = { done: 16384 - 6553, total: 16384, unit: "slots in place" };
    expect(operationsOf(exampleWorld({ cluster }))[0]?.progress).toEqual(progress);
  });

  it("shows volumes that grow, and no bar for what cannot be measured", () => {
    expect(operationsWith("StorageReady", "False", "Resizing", "Volumes have 1Gi")).toEqual([
      { what: "Volumes grow", message: "Volumes have 1Gi" },
    ]);
    expect(operationsWith("Restored", "False", "BackupNotFound", "It is not there")[0]).not.toHaveProperty("progress");
    expect(operationsWith("Restored", "True", "Restored", "100 keys came")).toEqual([]);
  });
});
