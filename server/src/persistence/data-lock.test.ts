import { describe, expect, test } from "vitest";
import type { Disk, DiskFile } from "../platform/disk.ts";
import { MemoryDisk } from "../platform/memory-disk.ts";
import { createSeededRandom } from "../platform/random.ts";
import { DataLock, type LockHolder } from "./data-lock.ts";

function holder(processId: number, startedAt = "100", bootId = "boot-1"): LockHolder {
  return { processId, startedAt, bootId };
}

class Machine {
  readonly disk = new MemoryDisk();
  readonly living: LockHolder[] = [];

  /** `before` is called before each step on the disk, and where the lock waits for others. */
  lock(self: LockHolder, before: () => void = () => undefined): DataLock {
    this.living.push(self);
    const processWithId = (processId: number) => this.living.find((process) => process.processId === processId);
    return new DataLock({
      disk: stepped(this.disk, before),
      ...{ directory: "/data", self, processWithId, pause: before },
    });
  }
}

/** The disk, with something that happens before each step that the lock takes. */
function stepped(disk: MemoryDisk, before: () => void): Disk {
  const step =
    <A extends unknown[], R>(run: (...args: A) => R) =>
    (...args: A): R => {
      before();
      return run(...args);
    };
  return Object.assign(Object.create(disk) as Disk, {
    createNew: step((file: string): DiskFile => disk.createNew(file)),
    list: step((directory: string) => disk.list(directory)),
    remove: step((file: string) => disk.remove(file)),
  });
}

describe("DataLock", () => {
  test("lets one living process have the directory", () => {
    const machine = new Machine();
    const first = machine.lock(holder(10));
    const second = machine.lock(holder(11));
    expect(first.acquire()).toBeUndefined();
    expect(second.acquire()).toEqual(holder(10));
    expect(second.acquire()).toEqual(holder(10));
    expect(first.acquire()).toEqual(holder(10));
    first.release();
    expect(second.acquire()).toBeUndefined();
    expect(first.acquire()).toEqual(holder(11));
  });

  test.each([
    ["a process that is gone", holder(99)],
    ["an earlier process with our id", holder(10, "50")],
    ["a process before a reboot", holder(10, "100", "earlier-boot")],
  ])("takes over from %s, and leaves nothing of it", (_, before) => {
    const machine = new Machine();
    expect(machine.lock(before).acquire()).toBeUndefined();
    machine.living.length = 0;
    const lock = machine.lock(holder(10));
    expect(lock.acquire()).toBeUndefined();
    expect(machine.disk.list("/data")).toHaveLength(1);
    lock.release();
    expect(machine.disk.list("/data")).toEqual([]);
  });

  test.each([
    [10, 11],
    [11, 10],
  ])("lets one of two have it that start in the middle of each other's steps (%i, then %i)", (outer, inner) => {
    for (let moment = 1; moment <= 4; moment++) {
      const machine = new Machine();
      machine.lock(holder(9)).acquire();
      machine.living.length = 0;
      const second = machine.lock(holder(inner));
      let steps = 0;
      let secondFound: LockHolder | undefined | "not asked" = "not asked";
      const first = machine.lock(holder(outer), () => {
        if (++steps === moment) secondFound = second.acquire();
      });
      const firstFound = first.acquire();
      if (secondFound === "not asked") continue;
      expect([firstFound, secondFound].filter((found) => found === undefined)).toHaveLength(1);
    }
  });

  test("never lets two have it, whoever starts, ends or dies at which step", () => {
    const random = createSeededRandom(5);
    let held = 0;
    for (let round = 0; round < 3000; round++) {
      const machine = new Machine();
      const holding = new Set<number>();
      let nextId = 10;
      const disturb = (): void => {
        const chance = random.below(8);
        if (chance === 0 && nextId < 16) start();
        // Whoever holds it dies, and its file stays.
        const [dead] = holding;
        if (chance === 1 && dead !== undefined) {
          holding.delete(dead);
          machine.living.splice(
            machine.living.findIndex(({ processId }) => processId === dead),
            1,
          );
        }
      };
      const start = (): void => {
        // Ids are not in the order of the starts.
        const processId = 10 + ((nextId++ * 5) % 16);
        const lock = machine.lock(holder(processId), disturb);
        if (lock.acquire() !== undefined) return;
        holding.add(processId);
        held++;
        expect([...holding], `round ${round}`).toEqual([processId]);
      };
      for (let k = 0; k < 3; k++) start();
    }
    expect(held).toBeGreaterThan(3000);
  });
});
