import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { describe, expect, test } from "vitest";
import { backgroundOver } from "../../platform/background-disk.ts";
import { type Disk, readTextFile } from "../../platform/disk.ts";
import { FakeClock } from "../../platform/fake-clock.ts";
import { MemoryDisk } from "../../platform/memory-disk.ts";
import { createSeededRandom, type Random } from "../../platform/random.ts";
import { SECTOR_BYTES } from "../../platform/sectors.ts";
import { seedOf } from "../../testing/differential.ts";
import { type AofLoadOutcome, loadAofFile } from "./aof-loader.ts";
import { Filler } from "./filler.ts";
import { PreparedFile } from "./prepared-file.ts";
import { isTorn } from "./torn-tail.ts";

const FILE = "/d/a.aof";
const KEY = "0123456789abcdef";
const STEP_BYTES = 2048;
/** Ends within a sector. */
const FIRST_READ_BYTES = 100_100;

function command(number: number, length: number): Buffer {
  return encodeCommand(["SET", `k${number}`, "v".repeat(length)]);
}

async function open(disk: MemoryDisk, key = KEY): Promise<PreparedFile> {
  const file = await backgroundOver(disk).openToAppend(FILE);
  return new PreparedFile(file, { key, stepBytes: STEP_BYTES });
}

/** The numbers of the commands that are loaded, and the outcome. */
async function load(disk: Disk): Promise<{ numbers: number[]; outcome: AofLoadOutcome }> {
  const numbers: number[] = [];
  const outcome = await loadAofFile({
    ...{ disk, clock: new FakeClock(), file: FILE, start: 0, knows: () => true },
    apply(commands) {
      for (const [, number] of commands.toString("latin1").matchAll(/k(\d+)\r\n/g)) numbers.push(Number(number));
      return commands.length;
    },
    progress: { startedAtMs: 0, totalBytes: 0, loadedBytes: 0 },
  });
  return { numbers, outcome };
}

function sizeOnDisk(disk: MemoryDisk): number {
  return disk.openToRead(FILE).sizeBytes;
}

describe("a prepared file", () => {
  test("keeps its length while data is written over what was prepared, and ends with its data when it is closed", async () => {
    const disk = new MemoryDisk();
    const file = await open(disk);
    await file.prepare();
    const prepared = sizeOnDisk(disk);
    expect(prepared % SECTOR_BYTES).toBe(0);
    for (let number = 0; number < 5; number++) file.appendNow([command(number, number * 10)]);
    expect(sizeOnDisk(disk)).toBe(prepared);
    expect((await load(disk)).outcome).toEqual({ kind: "whole", sizeBytes: prepared, validBytes: file.sizeBytes });
    await file.close();
    expect(sizeOnDisk(disk)).toBe(file.sizeBytes);
    expect((await load(disk)).numbers).toEqual([0, 1, 2, 3, 4]);
  });

  test("has only lines that begin with #, and none that is too long, wherever its data ends", async () => {
    for (let length = 0; length <= SECTOR_BYTES; length++) {
      const disk = new MemoryDisk();
      const file = await open(disk);
      await file.prepare();
      file.appendNow([command(1, length)]);
      const lines = readTextFile(disk, FILE).slice(file.sizeBytes).split("\n");
      expect(lines.pop()).toBe("");
      expect(
        lines.every((line) => line.startsWith("#") && line.length < 1000),
        `length ${length}`,
      ).toBe(true);
    }
  });

  test("is written plainly where it has no more room, and prepares more before that", async () => {
    const disk = new MemoryDisk();
    const file = await open(disk);
    await file.prepare();
    expect(file.fits(STEP_BYTES)).toBe(false);
    await file.append([command(1, STEP_BYTES)]);
    expect(file.isPrepared).toBe(false);
    expect(sizeOnDisk(disk)).toBe(file.sizeBytes);
    await file.prepare();
    const prepared = sizeOnDisk(disk);
    for (let number = 2; number < 20; number++) await file.append([command(number, STEP_BYTES / 4)]);
    expect(file.isPrepared).toBe(true);
    expect(sizeOnDisk(disk)).toBeGreaterThan(prepared);
    expect((await load(disk)).numbers).toEqual(Array.from({ length: 19 }, (_, i) => i + 1));
  });

  test("gives its room back where the disk is full", async () => {
    const disk = new MemoryDisk();
    const file = await open(disk);
    await file.prepare();
    disk.freeBytes = 10;
    await file.append([command(1, (STEP_BYTES * 3) / 4)]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(file.fits(1)).toBe(false);
    disk.freeBytes = 100;
    await file.append([command(2, 0)]);
    expect(sizeOnDisk(disk)).toBe(file.sizeBytes);
    expect((await load(disk)).numbers).toEqual([1, 2]);
  });
});

describe("what another server has appended behind the filler", () => {
  test("is loaded, and can be followed by more filler", async () => {
    const disk = new MemoryDisk();
    const file = await open(disk);
    await file.prepare();
    file.appendNow([command(1, 10)]);
    disk.openToAppend(FILE).append(command(2, 700), 0, command(2, 700).length);
    expect(await load(disk)).toMatchObject({
      numbers: [1, 2],
      outcome: { kind: "whole", validBytes: sizeOnDisk(disk) },
    });
    const again = await open(disk, "f".repeat(16));
    await again.prepare();
    again.appendNow([command(3, 10)]);
    expect(await load(disk)).toMatchObject({ numbers: [1, 2, 3], outcome: { validBytes: again.sizeBytes } });
  });
});

/** The system may give less than was asked for. */
function withShortFirstRead(disk: MemoryDisk): Disk {
  const short = Object.create(disk) as MemoryDisk;
  short.openToRead = (name) => {
    const file = disk.openToRead(name);
    const read = file.read.bind(file);
    file.read = (bytes, start, end, position) => read(bytes, start, position === 0 ? FIRST_READ_BYTES : end, position);
    return file;
  };
  return short;
}

function contentOf(disk: MemoryDisk): Buffer {
  const bytes = Buffer.alloc(sizeOnDisk(disk));
  disk.openToRead(FILE).read(bytes, 0, bytes.length, 0);
  return bytes;
}

describe("a sector that was not written", () => {
  test("is where the data ends, wherever in it that began", async () => {
    for (let length = 0; length <= SECTOR_BYTES; length++) {
      const disk = new MemoryDisk();
      const file = await open(disk);
      await file.prepare();
      await file.append([command(1, length)]);
      const end = file.sizeBytes;
      const sector = end - (end % SECTOR_BYTES);
      const before = contentOf(disk).subarray(sector, sector + SECTOR_BYTES);
      await file.append([command(2, SECTOR_BYTES * 2)]);
      disk.openToAppend(FILE).write(before, 0, SECTOR_BYTES, sector);
      expect(await load(disk), `length ${length}`).toMatchObject({
        numbers: [1],
        outcome: { kind: "truncated", isTorn: true, validBytes: end },
      });
    }
  });

  test("is none where a line with the time begins with the last byte of a sector", async () => {
    const disk = new MemoryDisk();
    const file = await open(disk);
    await file.prepare();
    const length = SECTOR_BYTES * 2 - 1 - file.sizeBytes - command(1, 100).length + 100;
    await file.append([command(1, length)]);
    expect(file.sizeBytes % SECTOR_BYTES).toBe(SECTOR_BYTES - 1);
    await file.append([Buffer.from("#TS:1700000000\r\n"), command(2, 10)]);
    expect(await load(disk)).toMatchObject({ numbers: [1, 2], outcome: { kind: "whole", validBytes: file.sizeBytes } });
  });

  test("is known before all of it is read", async () => {
    const disk = new MemoryDisk();
    const file = await open(disk);
    await file.prepare();
    const hole = FIRST_READ_BYTES - (FIRST_READ_BYTES % SECTOR_BYTES);
    const lead = command(2, 10).indexOf("$10");
    const end = hole - lead;
    const overhead = command(1, 90_000).length - 90_000;
    await file.append([command(1, end - file.sizeBytes - overhead)]);
    await file.prepare();
    await file.append([command(2, 10)]);
    const filler = new Filler(KEY).sectors(1);
    disk.openToAppend(FILE).write(filler, 0, SECTOR_BYTES, hole);
    const [wholeReads, shortFirst] = [await load(disk), await load(withShortFirstRead(disk))];
    const torn = { numbers: [1], outcome: { kind: "truncated", isTorn: true, validBytes: end } };
    expect(wholeReads).toMatchObject(torn);
    expect(shortFirst).toMatchObject(torn);
  });
});

test("a value that looks like filler is a value", async () => {
  const disk = new MemoryDisk();
  const file = await open(disk);
  await file.prepare();
  const value = new Filler("e".repeat(16)).sectors(2).toString("latin1");
  for (let shift = 0; shift < SECTOR_BYTES; shift += 7) await file.append([encodeCommand(["SET", "k1", value])]);
  expect((await load(disk)).outcome).toMatchObject({ kind: "whole", validBytes: file.sizeBytes });
});

/** Batches are synced or not, the power goes, and the file goes on with what is left of it, several times. */
class Lives {
  readonly disk = new MemoryDisk();
  readonly #random: Random;
  /** Numbers of the commands in the file, and how many are surely on the disk. */
  #numbers: number[] = [];
  #synced = 0;
  #next = 0;
  torn = 0;
  filled = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  async live(): Promise<void> {
    const random = this.#random;
    const file = await open(this.disk, random.hex(16));
    for (let left = random.below(12); left > 0; left--) {
      const choice = random.below(8);
      if (choice < 2) await file.prepare();
      else if (choice === 2 && random.below(2) === 0) await file.trim();
      else await file.append(this.#batch());
      if (random.below(2) === 0) {
        await file.sync();
        this.#synced = this.#numbers.length;
      }
    }
    this.disk.syncDirectory("/d");
    this.disk.cutPowerAtRandom(random);
    if (readTextFile(this.disk, FILE).includes("####")) this.filled++;
    await this.#check();
    const text = readTextFile(this.disk, FILE);
    if (random.below(2) === 0 && !text.includes("\0")) {
      this.#otherServer();
      await this.#check();
    }
    this.disk.openToAppend(FILE).truncate((await load(this.disk)).outcome.validBytes);
  }

  #batch(): Buffer[] {
    return Array.from({ length: 1 + this.#random.below(6) }, () => {
      this.#numbers.push(this.#next);
      return command(this.#next++, this.#random.below(300));
    });
  }

  /** It passes over filler, and appends behind that. */
  #otherServer(): void {
    const file = this.disk.openToAppend(FILE);
    for (const piece of this.#batch()) file.append(piece, 0, piece.length);
    file.sync();
    this.#synced = this.#numbers.length;
  }

  /** What is loaded is what was written, up to some command behind those that were synced; the rest is cut off as at start. */
  async #check(): Promise<void> {
    const { numbers, outcome } = await load(this.disk).catch((reason) => this.#damaged(reason));
    expect(numbers).toEqual(this.#numbers.slice(0, numbers.length));
    expect(numbers.length).toBeGreaterThanOrEqual(this.#synced);
    if (outcome.kind === "truncated" && outcome.isTorn) this.torn++;
    if (outcome.kind === "truncated") this.disk.openToAppend(FILE).truncate(outcome.validBytes);
    this.#numbers = numbers;
    this.#synced = numbers.length;
  }

  /** Where nothing was prepared, a hole holds zeros. */
  async #damaged(reason: { validBytes: number }): Promise<{ numbers: number[]; outcome: AofLoadOutcome }> {
    expect(isTorn(this.disk, FILE, reason.validBytes)).toBe(true);
    this.disk.openToAppend(FILE).truncate(reason.validBytes);
    return load(this.disk);
  }
}

test("power cuts leave what was synced, and of what was not, all up to some command", async () => {
  const seed = seedOf(3);
  let torn = 0;
  let filled = 0;
  for (let round = 0; round < 60; round++) {
    const lives = new Lives(createSeededRandom(seed + round));
    try {
      for (let life = 0; life < 6; life++) await lives.live();
    } catch (reason) {
      throw new Error(`seed ${seed + round}: ${(reason as Error).message}`, { cause: reason });
    }
    torn += lives.torn;
    filled += lives.filled;
  }
  expect(torn).toBeGreaterThan(8);
  expect(filled).toBeGreaterThan(30);
});
