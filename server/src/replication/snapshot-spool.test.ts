/** Against a disk whose writes end when the test says so. */

import { beforeEach, describe, expect, test } from "vitest";
import type { BackgroundFile } from "../platform/background-disk.ts";
import { FileSpool } from "./snapshot-spool.ts";

const MIB = 1 << 20;
const LIMIT_BYTES = 8 * MIB;

class SlowDisk {
  /** What is in the file so far; undefined: there is none. */
  content: Buffer | undefined;
  isOpen = false;
  #step: { resolve: () => void; reject: (reason: Error) => void } | undefined;

  async create(): Promise<BackgroundFile> {
    await this.#told();
    this.content = Buffer.alloc(0);
    this.isOpen = true;
    const file: Pick<BackgroundFile, "append" | "close"> = {
      append: async (pieces) => {
        await this.#told();
        this.content = Buffer.concat([this.content ?? Buffer.alloc(0), ...pieces]);
      },
      close: async () => {
        this.isOpen = false;
      },
    };
    return file as BackgroundFile;
  }

  async remove(): Promise<void> {
    expect(this.isOpen).toBe(false);
    this.content = undefined;
  }

  /** Ends the step under way; what follows from it has happened when this resolves. */
  async step(): Promise<void> {
    this.#step?.resolve();
    await turn();
  }

  async fail(reason: Error): Promise<void> {
    this.#step?.reject(reason);
    await turn();
  }

  async #told(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#step = { resolve, reject };
    });
    this.#step = undefined;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("FileSpool", () => {
  let disk: SlowDisk;
  let failures: string[];
  let loaded: (string | undefined)[];
  let endLoad: () => void;
  let givenUp: number;
  let spool: FileSpool;
  beforeEach(() => {
    disk = new SlowDisk();
    failures = [];
    loaded = [];
    endLoad = () => undefined;
    givenUp = 0;
    spool = new FileSpool({
      disk,
      file: "snapshot",
      replaceBy: async (_file, oldData) => {
        loaded.push(`${oldData}: ${disk.content?.toString()}`);
        await new Promise<void>((resolve) => {
          endLoad = resolve;
        });
        return new Map([["repl-stream-db", "3"]]);
      },
      refusal: () => undefined,
      giveUp: () => void givenUp++,
      failed: ({ message }) => void failures.push(message),
    });
  });

  test("is full from 8 MiB on that the disk has not taken, those under way among them, and no longer once it has", async () => {
    spool.write(Buffer.alloc(LIMIT_BYTES - 1));
    await disk.step();
    expect(spool.isFull).toBe(false);
    spool.write(Buffer.alloc(1));
    expect(spool.isFull).toBe(true);
    await disk.step();
    expect(spool.isFull).toBe(false);
    spool.write(Buffer.alloc(LIMIT_BYTES));
    expect(spool.isFull).toBe(true);
    await disk.step();
    await disk.step();
    expect(spool.isFull).toBe(false);
    expect(disk.content?.length).toBe(2 * LIMIT_BYTES);
  });

  test("is finished when all is in the file, in order, and loads from there", async () => {
    for (const piece of ["one ", "two ", "three"]) spool.write(Buffer.from(piece));
    let isFinished = false;
    const finished = spool.finish().then(() => {
      isFinished = true;
    });
    await disk.step();
    expect(isFinished).toBe(false);
    await disk.step();
    await finished;
    expect(disk).toMatchObject({ isOpen: false });
    const load = spool.load("kept");
    await turn();
    expect(loaded).toEqual(["kept: one two three"]);
    endLoad();
    expect(await load).toBe(3);
    await turn();
    expect(disk.content).toBeUndefined();
  });

  test("that is discarded while it is loaded gives up the load, and leaves the file to it", async () => {
    spool.write(Buffer.from("a"));
    await disk.step();
    await disk.step();
    await spool.finish();
    const load = spool.load("served");
    await spool.discard();
    expect(givenUp).toBe(1);
    expect(disk.content?.toString()).toBe("a");
    endLoad();
    await load;
    await turn();
    expect(disk.content).toBeUndefined();
  });

  test("says once that the disk is full, takes no more, and does not finish", async () => {
    spool.write(Buffer.from("a"));
    await disk.step();
    await disk.fail(new Error("ENOSPC"));
    expect(failures).toEqual(["ENOSPC"]);
    spool.write(Buffer.alloc(LIMIT_BYTES));
    expect(spool.isFull).toBe(false);
    await expect(spool.finish()).rejects.toThrow("ENOSPC");
    await spool.discard();
    expect(disk.content).toBeUndefined();
    expect(failures).toHaveLength(1);
  });

  test("leaves nothing behind when it is discarded while the file is being made", async () => {
    spool.write(Buffer.from("a"));
    const discarded = spool.discard();
    spool.write(Buffer.from("b"));
    await disk.step();
    await discarded;
    expect(disk).toMatchObject({ content: undefined, isOpen: false });
  });

  test("says nothing of a disk that fails after it was discarded", async () => {
    spool.write(Buffer.from("a"));
    await disk.step();
    const discarded = spool.discard();
    await disk.fail(new Error("EIO"));
    await discarded;
    expect(failures).toEqual([]);
    expect(disk.content).toBeUndefined();
  });
});
