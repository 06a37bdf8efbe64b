import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backgroundOver, systemBackgroundDisk } from "./background-disk.ts";
import { systemDisk } from "./disk.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "kv-disk-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe.each([
  ["the system's", systemBackgroundDisk],
  ["one over a disk", backgroundOver(systemDisk)],
])("%s", (_name, disk) => {
  const at = (name: string): string => path.join(directory, name);
  const pieces = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));

  test("appends many pieces in order, and behind what a file has", async () => {
    const file = await disk.create(at("f"));
    await file.append(pieces(...Array.from({ length: 3000 }, (_, i) => `${i},`)));
    await file.sync();
    await file.close();
    const again = await disk.openToAppend(at("f"));
    const { sizeBytes } = again;
    await again.append(pieces("end"));
    expect(again.sizeBytes).toBe(sizeBytes + 3);
    await again.close();
    const text = readFileSync(at("f"), "latin1");
    expect(text.split(",").length).toBe(3001);
    expect(text.endsWith("2999,end")).toBe(true);
  });

  test("goes on at the end after a truncation", async () => {
    const file = await disk.create(at("f"));
    await file.append(pieces("kept", "cut off"));
    await file.truncate(4);
    await file.append(pieces("!"));
    expect(file.sizeBytes).toBe(5);
    await file.close();
    expect(readFileSync(at("f"), "latin1")).toBe("kept!");
  });

  test("replaces a file as a whole and leaves no temporary one", async () => {
    await disk.replace(at("f"), at("temp"), "one");
    await disk.replace(at("f"), at("temp"), "two");
    expect(readFileSync(at("f"), "latin1")).toBe("two");
    expect(readdirSync(directory)).toEqual(["f"]);
  });

  test("writes ahead of the end, which does not move", async () => {
    const file = await disk.create(at("f"));
    await file.append(pieces("data"));
    await file.writeAhead(pieces("..", ".."), 4);
    await file.syncAhead();
    await file.append(pieces("!"), Buffer.from("#"));
    expect(file.sizeBytes).toBe(5);
    await file.close();
    expect(readFileSync(at("f"), "latin1")).toBe("data!#..");
  });

  test("says what the system says", async () => {
    await expect(disk.openToAppend(at("no/such"))).rejects.toThrow(/ENOENT/);
    await disk.remove(at("nothing"));
  });
});

test("nothing is written ahead into a file that has taken the name", async () => {
  const [name, moved] = [path.join(directory, "f"), path.join(directory, "moved")];
  const file = await systemBackgroundDisk.create(name);
  renameSync(name, moved);
  writeFileSync(name, "a copy from elsewhere");
  await expect(file.writeAhead([Buffer.from("####")], 0)).rejects.toThrow(/another file/);
  await file.close();
  expect(readFileSync(name, "latin1")).toBe("a copy from elsewhere");
});
