import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { expect, test } from "vitest";
import { backgroundOver } from "../../platform/background-disk.ts";
import { FakeClock } from "../../platform/fake-clock.ts";
import { MemoryDisk } from "../../platform/memory-disk.ts";
import { AofWriter, type SyncPolicy } from "./aof-writer.ts";

const FILE = "/d/a.aof";
const COMMAND = encodeCommand(["SET", "k", "v"]);

function createWriter(policy: SyncPolicy, clock: FakeClock): AofWriter {
  return new AofWriter({
    ...{ clock, policy: () => policy, skipsSync: () => false, schedule: (callback) => void setImmediate(callback) },
    quickSyncUs: 0,
    preparing: { stepBytes: 2048, frequentSyncs: 0, key: () => "0123456789abcdef" },
    ...{ wrote: () => undefined, advanced: () => undefined, failed: () => undefined, recovered: () => undefined },
  });
}

test("a file at rest ends where its data does, and is not prepared meanwhile", async () => {
  const [disk, clock] = [new MemoryDisk(), new FakeClock()];
  const writer = createWriter("always", clock);
  writer.open(await backgroundOver(disk).create(FILE));
  const sizeOnDisk = (): number => disk.openToRead(FILE).sizeBytes;
  const tick = (): void => {
    clock.advance(2000);
    writer.tick();
  };
  tick();
  writer.add(COMMAND, 0, COMMAND.length);
  await writer.enqueue(() => Promise.resolve());
  expect(sizeOnDisk()).toBeGreaterThan(writer.fileBytes);
  await writer.atRest(async () => {
    tick();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sizeOnDisk()).toBe(writer.fileBytes);
  });
  await writer.enqueue(() => Promise.resolve());
  expect(sizeOnDisk()).toBeGreaterThan(writer.fileBytes);
});

test("a flush that fails says so, and what was added is written all the same later", async () => {
  const [disk, clock] = [new MemoryDisk(), new FakeClock()];
  const background = backgroundOver(disk);
  const writer = createWriter("everysec", clock);
  const file = await background.create(FILE);
  let isFull = true;
  writer.open({
    ...file,
    append: (pieces) => (isFull ? Promise.reject(new Error("ENOSPC")) : file.append(pieces)),
    truncate: (bytes) => file.truncate(bytes),
    sync: () => file.sync(),
  });
  writer.add(COMMAND, 0, COMMAND.length);
  await expect(writer.flush()).rejects.toThrow("ENOSPC");
  expect([writer.durable, writer.pendingBytes]).toEqual([0, COMMAND.length]);
  isFull = false;
  await writer.flush();
  expect([writer.durable, writer.pendingBytes]).toEqual([COMMAND.length, 0]);
  expect(disk.openToRead(FILE).sizeBytes).toBe(COMMAND.length);
});
