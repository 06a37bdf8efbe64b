import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { expect, test } from "vitest";
import { backgroundOver } from "../../platform/background-disk.ts";
import { FakeClock } from "../../platform/fake-clock.ts";
import { MemoryDisk } from "../../platform/memory-disk.ts";
import { AofWriter } from "./aof-writer.ts";

const FILE = "/d/a.aof";
const COMMAND = encodeCommand(["SET", "k", "v"]);

test("a file at rest ends where its data does, and is not prepared meanwhile", async () => {
  const [disk, clock] = [new MemoryDisk(), new FakeClock()];
  const writer = new AofWriter({
    ...{ clock, policy: () => "always", skipsSync: () => false, schedule: (callback) => void setImmediate(callback) },
    quickSyncUs: 0,
    preparing: { stepBytes: 2048, frequentSyncs: 0, key: () => "0123456789abcdef" },
    ...{ wrote: () => undefined, advanced: () => undefined, failed: () => undefined, recovered: () => undefined },
  });
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
