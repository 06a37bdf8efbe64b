import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../platform/memory-disk.ts";
import { DataLock, type LockHolder } from "./data-lock.ts";

function holder(processId: number, startedAt = "100", bootId = "boot"): LockHolder {
  return { processId, startedAt, bootId };
}

class Machine {
  readonly disk = new MemoryDisk();
  readonly living: LockHolder[] = [];

  lock(self: LockHolder): DataLock {
    this.living.push(self);
    const processWithId = (processId: number) => this.living.find((process) => process.processId === processId);
    return new DataLock({ disk: this.disk, directory: "/data", self, processWithId });
  }
}

describe("DataLock", () => {
  test("lets one living process have the directory", () => {
    const machine = new Machine();
    const first = machine.lock(holder(10));
    const second = machine.lock(holder(11));
    expect(first.acquire()).toBeUndefined();
    expect(second.acquire()).toEqual(holder(10));
    second.release();
    expect(second.acquire()).toEqual(holder(10));
    first.release();
    expect(second.acquire()).toBeUndefined();
  });

  test.each([
    ["a process that is gone", holder(99)],
    ["an earlier process with our id", holder(10, "50")],
    ["a process before a reboot", holder(10, "100", "earlier boot")],
  ])("takes over the lock of %s", (_, before) => {
    const machine = new Machine();
    expect(machine.lock(before).acquire()).toBeUndefined();
    machine.living.length = 0;
    expect(machine.lock(holder(10)).acquire()).toBeUndefined();
  });

  test("takes over a lock that a crash cut off", () => {
    const machine = new Machine();
    machine.disk.create("/data/.kv-server.lock").append(Buffer.from('{"proc'), 0, 6);
    expect(machine.lock(holder(10)).acquire()).toBeUndefined();
  });
});
