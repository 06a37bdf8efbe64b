/** A disk for simulations: each step waits until it is taken, and whoever asked for it may have ended before. */

import { type BackgroundDisk, type BackgroundFile, backgroundOver } from "../../platform/background-disk.ts";
import type { MemoryDisk } from "../../platform/memory-disk.ts";

export class SteppedDisk implements BackgroundDisk {
  readonly #disk: BackgroundDisk;
  /** Steps that were asked for and not taken. */
  readonly #waiting: (() => void)[] = [];
  #isOver = false;

  constructor(disk: MemoryDisk) {
    this.#disk = backgroundOver(disk);
  }

  get hasSteps(): boolean {
    return this.#waiting.length > 0;
  }

  step(): void {
    this.#waiting.shift()?.();
  }

  /** Who wrote to it is no more: whatever it may still come to do is not done. */
  end(): void {
    this.#waiting.length = 0;
    this.#isOver = true;
  }

  async create(file: string): Promise<BackgroundFile> {
    return this.#stepped(await this.#later(() => this.#disk.create(file)));
  }

  async openToAppend(file: string): Promise<BackgroundFile> {
    return this.#stepped(await this.#later(() => this.#disk.openToAppend(file)));
  }

  replace(file: string, temporary: string, text: string): Promise<void> {
    return this.#later(() => this.#disk.replace(file, temporary, text));
  }

  remove(file: string): Promise<void> {
    return this.#later(() => this.#disk.remove(file));
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#later(() => this.#disk.makeDirectory(directory));
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#later(() => this.#disk.syncDirectory(directory));
  }

  #stepped(file: BackgroundFile): BackgroundFile {
    return {
      get sizeBytes() {
        return file.sizeBytes;
      },
      append: (pieces, behind) => this.#later(() => file.append(pieces, behind)),
      appendNow: (pieces, behind) => {
        if (!this.#isOver) file.appendNow(pieces, behind);
      },
      syncNow: () => {
        if (!this.#isOver) file.syncNow();
      },
      truncate: (sizeBytes) => this.#later(() => file.truncate(sizeBytes)),
      sync: () => this.#later(() => file.sync()),
      writeAhead: (pieces, position) => this.#later(() => file.writeAhead(pieces, position)),
      syncAhead: () => this.#later(() => file.syncAhead()),
      close: () => this.#later(() => file.close()),
    };
  }

  #later<T>(step: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => void step().then(resolve, reject));
    });
  }
}
