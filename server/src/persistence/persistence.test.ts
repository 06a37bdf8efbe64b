import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Config } from "../config/config.ts";
import { QUIET_FACTS } from "../observability/fake-facts.ts";
import type { Logger } from "../observability/logger.ts";
import { COMPATIBLE_VERSION } from "../observability/product.ts";
import { systemClock } from "../platform/clock.ts";
import type { Disk } from "../platform/disk.ts";
import { systemDisk } from "../platform/disk.ts";
import { MemoryDisk } from "../platform/memory-disk.ts";
import { LiveKeyspace, readFile } from "./live-keyspace.ts";
import { Persistence } from "./persistence.ts";
import { eventually } from "./reference-redis.ts";
import type { SnapshotTarget } from "./snapshot-target.ts";
import { WorkerFileTarget } from "./worker-file-target.ts";

const nothing = (): void => undefined;

class Fixture {
  readonly live = new LiveKeyspace();
  readonly log: string[] = [];
  readonly libraries: Buffer[] = [];
  readonly config: Config;
  readonly persistence: Persistence;
  target: SnapshotTarget | undefined;

  constructor(directory: string, disk: Disk = systemDisk) {
    this.config = new Config({ resolveDirectory: (to) => to, workingDirectory: directory });
    const write = (message: string): void => {
      this.log.push(message);
    };
    const logger: Logger = { debug: write, verbose: write, notice: write, warning: write };
    this.persistence = new Persistence({
      ...{ config: this.config, disk, logger },
      keyspace: this.live.keyspace,
      collections: this.live.collections,
      clock: systemClock,
      processId: 42,
      isProcessAlive: (id) => id === 7,
      replicationPosition: () => undefined,
      libraries: () => ({
        sources: () => this.libraries,
        take: (source, isReplacing) => {
          if (!isReplacing && this.libraries.some((one) => one.equals(source))) throw new Error("it is there");
        },
        replaceAll: nothing,
        flush: nothing,
      }),
      emptied: nothing,
      replaced: nothing,
      isHeldUp: () => false,
      caughtUp: () => undefined,
      createFileTarget: (file, outcome) => {
        this.target = new WorkerFileTarget({ file, ...outcome });
        return this.target;
      },
      appendOnly: () => ({ facts: () => QUIET_FACTS.persistence().appendOnly, suspend: nothing, resume: nothing }),
    });
  }

  put(key: string, value: string): void {
    const bytes = Buffer.from(key + value);
    const db = this.live.keyspace.database(0);
    db.setString(bytes, 0, key.length, bytes, key.length, value.length, 0);
    db.signalModified(bytes, 0, key.length);
  }
}

describe("Persistence", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "persistence-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const file = () => path.join(directory, "dump.rdb");
  const sizeOf = (name: string) => statSync(path.join(directory, name)).size;

  test("saves in the background by a thread, and loads what it saved", async () => {
    const { persistence, live, put } = bound(new Fixture(directory));
    for (let k = 0; k < 20_000; k++) put(`key:${k}`, `value:${k}`.repeat(5));
    expect(persistence.saveInBackground()).toBe(true);
    expect(persistence.saveInBackground()).toBe(false);
    put("key:7", "changed after the cut");
    expect(persistence.facts()).toMatchObject({ isSaving: true, keysToSave: 20_000, changesSinceSave: 20_001 });
    await eventually("the save ends", () => !persistence.isBusy);
    expect(persistence.facts()).toMatchObject({ isLastSaveOk: true, saves: 1, changesSinceSave: 1, isSaving: false });
    expect(readdirSync(directory)).toEqual(["dump.rdb"]);
    expect(readFile(readFileSync(file())).keys["0:key:7"]?.value).toBe("value:7".repeat(5));

    const second = new Fixture(directory);
    const aux = await second.persistence.load();
    expect(aux?.get("redis-ver")).toBe(COMPATIBLE_VERSION);
    expect(second.live.keyspace.count).toBe(20_000);
    expect(second.persistence.facts()).toMatchObject({ lastLoadKeys: 20_000, changesSinceSave: 0, loading: undefined });
    expect(live.keyspace.count).toBe(20_000);
  });

  test("a failed save keeps the old file and refuses writes until one succeeds", async () => {
    const { persistence, put, config } = bound(new Fixture(directory));
    put("a", "1");
    expect(persistence.saveNow()).toBeUndefined();
    const before = readFileSync(file());
    config.assign("dbfilename", "blocked");
    mkdirSync(path.join(directory, "blocked"));
    put("b", "2");
    persistence.saveInBackground();
    await eventually("the save fails", () => !persistence.isBusy);
    expect(persistence.facts().isLastSaveOk).toBe(false);
    expect(persistence.refusesWrites).toBe(true);
    config.assign("stop-writes-on-bgsave-error", false);
    expect(persistence.refusesWrites).toBe(false);
    config.assign("stop-writes-on-bgsave-error", true);
    expect(readFileSync(file()).equals(before)).toBe(true);
    config.assign("dbfilename", "dump.rdb");
    expect(persistence.saveNow()).toBeUndefined();
    expect(persistence.refusesWrites).toBe(false);
    expect(readdirSync(directory).sort()).toEqual(["blocked", "dump.rdb"]);
  });

  test("save points start a save once enough has changed for long enough", async () => {
    const { persistence, put, config } = bound(new Fixture(directory));
    config.assign("save", [{ seconds: -1, changes: 3 }]);
    put("a", "1");
    put("b", "2");
    persistence.tick();
    expect(persistence.isBusy).toBe(false);
    put("c", "3");
    persistence.tick();
    expect(persistence.isBusy).toBe(true);
    await eventually("the save ends", () => !persistence.isBusy);
    expect(readFile(readFileSync(file())).order).toHaveLength(3);
    persistence.tick();
    expect(persistence.isBusy).toBe(false);
  });

  test("a flush gives up the save under way and saves the empty data set", () => {
    const { persistence, put, live } = bound(new Fixture(directory));
    for (let k = 0; k < 5000; k++) put(`key:${k}`, "value");
    persistence.saveInBackground();
    live.keyspace.flushAll();
    persistence.flushed();
    expect(persistence.isBusy).toBe(false);
    expect(live.keyspace.arena.isSnapshotRunning).toBe(false);
    expect(readFile(readFileSync(file())).order).toEqual([]);
  });

  test("the save after a flush leaves the count of changes alone, by which the flush itself is propagated", () => {
    const { persistence, put, live } = bound(new Fixture(directory));
    put("key", "value");
    live.keyspace.flushAll();
    persistence.flushed();
    expect(live.keyspace.dirty).toBe(1);
  });

  test("a save that was given up in the middle touches nothing any more", async () => {
    const { persistence, put, live } = bound(new Fixture(directory));
    for (let k = 0; k < 100_000; k++) put(`key:${k}`, `value:${k}`.repeat(10));
    persistence.saveInBackground();
    await eventually("the thread writes", () => readdirSync(directory).some((name) => sizeOf(name) > 0));
    live.keyspace.flushAll();
    put("after", "the flush");
    expect(persistence.saveNow()).toBeUndefined();
    expect(persistence.isBusy).toBe(false);
    await eventually("the thread is done", () => readdirSync(directory).length === 1);
    expect(readFile(readFileSync(file())).order).toEqual(["0:after"]);
  });

  test("a data set that replaces another is there whole or not at all, and no part of it is saved", async () => {
    const { persistence, put, live, config } = bound(new Fixture(directory));
    for (let k = 0; k < 3000; k++) put(`key:${k}`, "value");
    persistence.saveNow();
    const whole = readFileSync(file());
    const received = path.join(directory, "received");
    writeFileSync(received, whole.subarray(0, whole.length - 100));
    live.keyspace.isReplica = true;
    const replacing = persistence.replaceBy(received, "dropped");
    await expect(replacing).rejects.toThrow("at offset");
    expect(live.keyspace.count).toBe(0);
    expect(persistence.isDataIncomplete).toBe(true);
    expect(persistence.saveNow()).toBe("What is in memory is a part of a data set only");
    expect(persistence.saveInBackground()).toBe(false);
    expect(readFileSync(file())).toEqual(whole);
    config.assign("save", [{ seconds: -1, changes: 1 }]);
    live.keyspace.dirty = 1;
    persistence.tick();
    expect(persistence.isBusy).toBe(false);
    writeFileSync(received, whole);
    await persistence.replaceBy(received, "dropped");
    expect(live.keyspace.count).toBe(3000);
    expect(persistence.isDataIncomplete).toBe(false);
  });

  test("a data set that replaces another is not saved yet", async () => {
    const { persistence, put, live } = bound(new Fixture(directory));
    put("key", "value");
    persistence.saveNow();
    const received = path.join(directory, "received");
    writeFileSync(received, readFileSync(file()));
    put("other", "value");
    persistence.saveNow();
    expect(persistence.facts().changesSinceSave).toBe(0);
    await persistence.replaceBy(received, "dropped");
    expect(persistence.facts().changesSinceSave).toBeGreaterThan(0);
    expect(persistence.saveNow()).toBeUndefined();
    expect(readFile(readFileSync(file())).order).toEqual(["0:key"]);
    expect([persistence.facts().changesSinceSave, live.keyspace.count]).toEqual([0, 1]);
  });

  test("a reload gives the same data, or says what is wrong with the file", () => {
    const { persistence, put, live } = bound(new Fixture(directory));
    for (let k = 0; k < 3000; k++) put(`key:${k}`, "value");
    expect(persistence.reloadNow({ saves: true, keeps: false, merges: false })).toBeUndefined();
    expect(live.keyspace.count).toBe(3000);
    put("more", "value");
    expect(persistence.reloadNow({ saves: false, keeps: false, merges: false })).toBeUndefined();
    expect(live.keyspace.count).toBe(3000);
    writeFileSync(file(), "REDIS0010 and nothing good");
    expect(persistence.reloadNow({ saves: false, keeps: false, merges: false })).toContain("at offset 9");
  });

  test("without a name for the file nothing is loaded, and nothing can be saved", async () => {
    const { persistence, config, put } = bound(new Fixture(directory));
    config.assign("dbfilename", "");
    expect(await persistence.load()).toBeUndefined();
    put("key", "value");
    expect(persistence.saveNow()).toEqual(expect.any(String));
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a directory in the place of the file stops the load with its name", async () => {
    const { persistence } = bound(new Fixture(directory));
    mkdirSync(file());
    await expect(persistence.load()).rejects.toThrow(`EISDIR: illegal operation on a directory, read '${file()}'`);
  });

  test("a reload without a file is an error", () => {
    const { persistence } = bound(new Fixture(directory));
    expect(persistence.reloadNow({ saves: false, keeps: false, merges: false })).toContain("There is no file");
    expect(persistence.reloadNow({ saves: false, keeps: true, merges: true })).toContain("There is no file");
  });

  test("a reload that merges replaces libraries and keys one by one, and keeps the others", () => {
    const { persistence, put, live, libraries } = bound(new Fixture(directory));
    libraries.push(Buffer.from("library"));
    for (let k = 0; k < 3000; k++) put(`key:${k}`, "value");
    expect(persistence.saveNow()).toBeUndefined();
    for (let k = 0; k < 3000; k += 2) put(`key:${k}`, "changed");
    put("other", "value");
    const merge = { saves: false, keeps: true, merges: true };
    expect(persistence.reloadNow({ ...merge, merges: false })).toContain("it is there");
    expect(persistence.reloadNow(merge)).toBeUndefined();
    expect(live.keyspace.count).toBe(3001);
    expect(persistence.saveNow()).toBeUndefined();
    const { keys } = readFile(readFileSync(file()));
    expect(keys["0:key:2"]?.value).toBe("value");
  });

  test("a reload that merges a file that ends early has removed no key that it did not replace", () => {
    const { persistence, put, live } = bound(new Fixture(directory));
    for (let k = 0; k < 3000; k++) put(`key:${k}`, "value");
    expect(persistence.saveNow()).toBeUndefined();
    const whole = readFileSync(file());
    writeFileSync(file(), whole.subarray(0, whole.length / 2));
    expect(persistence.reloadNow({ saves: false, keeps: true, merges: true })).toContain("at offset");
    expect(live.keyspace.count).toBe(3000);
  });

  test("a damaged file stops the load with its place, and stays as it is", async () => {
    const { persistence, put } = bound(new Fixture(directory));
    put("key", "value");
    persistence.saveNow();
    const damaged = readFileSync(file());
    damaged[damaged.length - 1] = (damaged[damaged.length - 1] as number) ^ 1;
    const disk = new MemoryDisk();
    disk.create(file()).append(damaged, 0, damaged.length);
    const second = new Fixture(directory, disk);
    await expect(second.persistence.load()).rejects.toThrow(
      `Cannot load "${file()}": Wrong RDB checksum (CRC error), the file is damaged at offset ${damaged.length - 8}`,
    );
    second.config.assign("rdbchecksum", false);
    const third = new Fixture(directory, disk);
    third.config.assign("rdbchecksum", false);
    await third.persistence.load();
    expect(third.live.keyspace.count).toBe(1);
  });

  test("removes at start what a crash left behind, but not what another process may be writing", async () => {
    for (const name of ["temp-kv-42-3.rdb", "temp-kv-99-1.rdb", "temp-98.rdb", "temp-kv-7-1.rdb", "temporary.rdb"]) {
      writeFileSync(path.join(directory, name), "");
    }
    await new Fixture(directory).persistence.load();
    expect(readdirSync(directory).sort()).toEqual(["temp-kv-7-1.rdb", "temporary.rdb"]);
  });

  test("leaves the old file or the new one when the power is cut, and reports a full disk", () => {
    const disk = new MemoryDisk();
    const { persistence, put } = bound(new Fixture(directory, disk));
    put("a", "1");
    expect(persistence.saveNow()).toBeUndefined();
    put("b", "2");
    disk.freeBytes = 20;
    expect(persistence.saveNow()).toContain("ENOSPC");
    expect(disk.list(directory)).toEqual(["dump.rdb"]);
    disk.freeBytes = Number.POSITIVE_INFINITY;
    disk.syncError = "EIO";
    expect(persistence.saveNow()).toContain("EIO");
    disk.syncError = undefined;
    disk.cutPower();
    const opened = disk.openToRead(file());
    const bytes = Buffer.alloc(opened.sizeBytes);
    opened.read(bytes, 0, bytes.length, 0);
    expect(readFile(bytes).order).toEqual(["0:a"]);
  });
});

function bound(fixture: Fixture): Fixture {
  fixture.put = fixture.put.bind(fixture);
  return fixture;
}
