import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DiskSpace } from "./disk-space.ts";
import { FakeClock } from "./fake-clock.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kv-space-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("the space of a disk is known once it was asked for, with the size of the file", async () => {
  writeFileSync(join(directory, "dump.rdb"), Buffer.alloc(1000));
  const space = new DiskSpace(new FakeClock(), () => ({ directory, file: join(directory, "dump.rdb") }));
  await space.ask();
  const { bsize, blocks } = statfsSync(directory);
  expect(space.known).toMatchObject({ sizeBytes: bsize * blocks, fileBytes: 1000 });
  expect(space.known?.availableBytes).toBeLessThan(bsize * blocks);
});

test("the space is asked for again when it is some seconds old", async () => {
  const clock = new FakeClock();
  let asked = 0;
  const space = new DiskSpace(clock, () => {
    asked++;
    return { directory, file: join(directory, "none") };
  });
  expect([space.known, space.known]).toEqual([undefined, undefined]);
  expect(asked).toBe(1);
  clock.advance(5000);
  expect(space.known).toBe(space.known);
  expect(asked).toBe(2);
});

test("nothing is known of a disk that does not answer", async () => {
  const gone = join(directory, "gone");
  const space = new DiskSpace(new FakeClock(), () => ({ directory: gone, file: join(gone, "dump.rdb") }));
  await space.ask();
  expect(space.known).toBeUndefined();
});
