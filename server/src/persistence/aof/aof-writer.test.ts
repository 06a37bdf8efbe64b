import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { expect, test } from "vitest";
import { type BackgroundFile, backgroundOver } from "../../platform/background-disk.ts";
import { FakeClock } from "../../platform/fake-clock.ts";
import { MemoryDisk } from "../../platform/memory-disk.ts";
import { AofWriter, type SyncPolicy } from "./aof-writer.ts";

const FILE = "/d/a.aof";
const COMMAND = encodeCommand(["SET", "k", "v"]);

function createWriter(policy: SyncPolicy, clock: FakeClock, quickWriteUs = 0): AofWriter {
  return new AofWriter({
    ...{ clock, policy: () => policy, skipsSync: () => false, schedule: (callback) => void setImmediate(callback) },
    ...{ quickSyncUs: 0, quickWriteUs },
    preparing: { stepBytes: 2048, frequentSyncs: quickWriteUs === 0 ? 0 : 1e9, key: () => "0123456789abcdef" },
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

test("what was added is in the file at once, also while a sync is under way", async () => {
  const [disk, clock] = [new MemoryDisk(), new FakeClock()];
  const file = await backgroundOver(disk).create(FILE);
  const { promise: synced, resolve: endSync } = Promise.withResolvers<void>();
  const writer = createWriter("everysec", clock, 1);
  writer.open({ ...inTurn(file), sync: () => synced });
  clock.advance(1000);
  writer.tick();
  writer.add(COMMAND, 0, COMMAND.length);
  expect(writer.filed).toBe(0);
  writer.settle();
  expect([writer.filed, writer.durable]).toEqual([COMMAND.length, 0]);
  expect(disk.openToRead(FILE).sizeBytes).toBe(COMMAND.length);
  endSync();
});

test("a write that takes long leaves the next ones to another thread, for twenty times as long", async () => {
  const [disk, clock] = [new MemoryDisk(), new FakeClock()];
  const file = await backgroundOver(disk).create(FILE);
  const writer = createWriter("no", clock, 20_000);
  let takesMs = 30;
  writer.open({
    ...inTurn(file),
    appendNow(pieces) {
      file.appendNow(pieces);
      clock.advance(takesMs);
    },
  });
  const isAtOnce = async (): Promise<boolean> => {
    const before = writer.filed;
    writer.add(COMMAND, 0, COMMAND.length);
    writer.settle();
    const isWritten = writer.filed > before;
    await writer.enqueue(() => Promise.resolve());
    expect(writer.filed).toBe(before + COMMAND.length);
    return isWritten;
  };
  expect(await isAtOnce()).toBe(true);
  takesMs = 0;
  clock.advance(599);
  expect(await isAtOnce()).toBe(false);
  clock.advance(1);
  expect(await isAtOnce()).toBe(true);
});

test("nothing counts as filed behind a base that is not there yet, or in a file that is given up", async () => {
  const [disk, clock] = [new MemoryDisk(), new FakeClock()];
  const background = backgroundOver(disk);
  const writer = createWriter("everysec", clock, 1);
  disk.syncError = "EIO";
  writer.open(await background.create(FILE));
  writer.add(COMMAND, 0, COMMAND.length);
  await expect(writer.flush()).rejects.toThrow("EIO");
  const before = writer.filed;
  writer.add(COMMAND, 0, COMMAND.length);
  disk.syncError = undefined;
  await writer.restart(() => background.create("/d/b.aof"));
  expect(writer.filed).toBe(before);
  writer.confirm();
  expect(writer.filed).toBe(writer.position);
});

/** Every call, so that some can be replaced. */
function inTurn(file: BackgroundFile): BackgroundFile {
  return {
    get sizeBytes() {
      return file.sizeBytes;
    },
    append: (pieces) => file.append(pieces),
    appendNow: (pieces) => file.appendNow(pieces),
    truncate: (bytes) => file.truncate(bytes),
    sync: () => file.sync(),
    syncNow: () => file.syncNow(),
    writeAhead: (pieces, position) => file.writeAhead(pieces, position),
    syncAhead: () => file.syncAhead(),
    close: () => file.close(),
  };
}
