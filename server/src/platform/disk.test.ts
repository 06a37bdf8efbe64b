import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Disk, diskErrorCode, readTextFile, replaceTextFile, systemDisk } from "./disk.ts";
import { MemoryDisk } from "./memory-disk.ts";

const directory = mkdtempSync(path.join(tmpdir(), "disk-"));
afterAll(() => rmSync(directory, { recursive: true }));

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (reason) {
    return diskErrorCode(reason);
  }
  return "none";
}

function put(disk: Disk, file: string, text: string): void {
  const created = disk.create(file);
  created.append(Buffer.from(`[${text}]`), 1, 1 + text.length);
  created.sync();
  created.close();
}

describe.each([
  ["the system's disk", systemDisk],
  ["the disk in memory", new MemoryDisk()],
])("%s", (_, disk) => {
  const at = (name: string) => path.join(directory, name);

  test("keeps what was written, and reads it from any position", () => {
    put(disk, at("a"), "hello");
    const file = disk.openToRead(at("a"));
    const bytes = Buffer.alloc(8, ".");
    expect(file.sizeBytes).toBe(5);
    expect(file.read(bytes, 1, 8, 2)).toBe(3);
    expect(bytes.toString()).toBe(".llo....");
    expect(file.read(bytes, 0, 8, 5)).toBe(0);
    file.close();
  });

  test("replaces by create and by rename", () => {
    put(disk, at("b"), "old");
    put(disk, at("b"), "newer");
    put(disk, at("c"), "other");
    disk.rename(at("c"), at("b"));
    disk.syncDirectory(directory);
    expect(readTextFile(disk, at("b"))).toBe("other");
    expect(disk.exists(at("c"))).toBe(false);
    replaceTextFile(disk, at("b"), "text");
    expect(readTextFile(disk, at("b"))).toBe("text");
  });

  test("tells names that are taken and names that are not there", () => {
    put(disk, at("d"), "");
    expect(codeOf(() => disk.createNew(at("d")))).toBe("EEXIST");
    expect(codeOf(() => disk.openToRead(at("none")))).toBe("ENOENT");
    expect(codeOf(() => disk.rename(at("none"), at("x")))).toBe("ENOENT");
    disk.remove(at("d"));
    disk.remove(at("d"));
    expect(disk.list(directory)).not.toContain("d");
    expect(codeOf(() => disk.createNew(at("d")).close())).toBe("none");
    expect(disk.list(directory)).toContain("d");
  });
});

describe("the disk in memory, when the power is cut,", () => {
  test("forgets bytes that were not synced and names whose directory was not", () => {
    const disk = new MemoryDisk();
    put(disk, "/d/kept", "synced");
    disk.syncDirectory("/d");
    put(disk, "/d/new", "synced");
    const file = disk.openToRead("/d/kept");
    file.append(Buffer.from(" and more"), 0, 9);
    disk.cutPower();
    expect(disk.list("/d")).toEqual(["kept"]);
    expect(readTextFile(disk, "/d/kept")).toBe("synced");
  });
});
