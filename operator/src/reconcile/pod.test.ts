import { describe, expect, it } from "vitest";
import { type Pod, processOf, provenProcessOf, troubleOf } from "./pod.ts";

function pod(status: Pod["status"]): Pod {
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "kv-0-0", namespace: "apps" }, ...(status && { status }) };
}

const log = [
  "7:M 01 Jan 2026 12:00:00.123 * Loading the dump",
  "7:M 01 Jan 2026 12:00:01.456 # Cannot load dump.rdb: checksum differs",
  "",
].join("\n");
const failed = { exitCode: 1, reason: "Error", message: log };

describe("the process of a pod", () => {
  it("is gone for good only where its own end was seen, not where it was removed or its successor is being made", () => {
    const creating = pod({
      phase: "Pending",
      containerStatuses: [{ state: { waiting: { reason: "ContainerCreating" } } }],
    });
    const crashed = pod({ phase: "Running", containerStatuses: [{ state: { terminated: { exitCode: 137 } } }] });
    const evicted = pod({ phase: "Failed" });
    expect([undefined, creating, crashed, evicted].map(processOf)).toEqual(["Gone", "Gone", "Gone", "Gone"]);
    expect([undefined, creating, crashed, evicted].map(provenProcessOf)).toEqual([
      "Unknown",
      "Unknown",
      "Gone",
      "Gone",
    ]);
    const running = pod({ phase: "Running", containerStatuses: [{ state: { running: {} } }] });
    expect([processOf(running), provenProcessOf(running)]).toEqual(["Running", "Running"]);
  });
});

describe("the trouble of a pod", () => {
  it("is what its server said last, the same in each round of a crash loop", () => {
    const rounds = [
      { state: { terminated: failed } },
      { state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: { terminated: failed } },
      { state: { running: {} }, lastState: { terminated: failed } },
    ];
    const troubles = rounds.map((round) => troubleOf(pod({ phase: "Running", containerStatuses: [round] })));
    expect(new Set(troubles)).toEqual(new Set(["Cannot load dump.rdb: checksum differs"]));
  });

  it("is the reason where the server could say nothing", () => {
    const killed = { exitCode: 137, reason: "OOMKilled", message: "" };
    const killedPod = pod({ containerStatuses: [{ state: { running: {} }, lastState: { terminated: killed } }] });
    expect(troubleOf(killedPod)).toBe("OOMKilled");
    const pulling = pod({ containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff" } } }] });
    expect(troubleOf(pulling)).toBe("ImagePullBackOff");
    const message = "0/1 nodes are available: 1 Insufficient memory.";
    expect(troubleOf(pod({ conditions: [{ type: "PodScheduled", status: "False", message }] }))).toBe(message);
  });

  it("is none while it starts for the first time, after a clean end, and once it is ready", () => {
    expect(troubleOf(undefined)).toBeUndefined();
    expect(troubleOf(pod({ containerStatuses: [{ state: { waiting: { reason: "ContainerCreating" } } }] }))).toBe(
      undefined,
    );
    const clean = { state: { running: {} }, lastState: { terminated: { exitCode: 0, message: "bye" } } };
    expect(troubleOf(pod({ containerStatuses: [clean] }))).toBeUndefined();
    const ready = [{ type: "Ready", status: "True" }];
    const containerStatuses = [{ state: { running: {} }, lastState: { terminated: failed } }];
    expect(troubleOf(pod({ conditions: ready, containerStatuses }))).toBeUndefined();
  });
});
