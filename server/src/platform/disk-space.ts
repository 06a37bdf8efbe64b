/**
 * How much room the disk of a directory has, without ever waiting for it: a disk that hangs would stop everybody. Each
 * question gets what was last heard, and has the system asked again when that is old; so whoever asks now and then, as
 * monitoring does, knows what was so a question ago.
 */

import { stat, statfs } from "node:fs/promises";
import type { Clock } from "./clock.ts";

export interface Space {
  readonly sizeBytes: number;
  /** For who may not use the system's reserve. */
  readonly availableBytes: number;
  /** Of a file there that will be written anew, beside the old one. */
  readonly fileBytes: number;
}

const OLD_AFTER_MS = 5000;

export class DiskSpace {
  readonly #clock: Clock;
  readonly #place: () => { readonly directory: string; readonly file: string };
  #space: Space | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, place: () => { readonly directory: string; readonly file: string }) {
    this.#clock = clock;
    this.#place = place;
  }

  /** Undefined where nothing was heard yet, or the system does not say. */
  get known(): Space | undefined {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#askedAtMs >= OLD_AFTER_MS) {
      this.#askedAtMs = nowMs;
      void this.ask();
    }
    return this.#space;
  }

  async ask(): Promise<void> {
    const { directory, file } = this.#place();
    try {
      const [system, size] = await Promise.all([statfs(directory), sizeOf(file)]);
      const { bsize, blocks, bavail } = system;
      this.#space = { sizeBytes: bsize * blocks, availableBytes: bsize * bavail, fileBytes: size };
    } catch {
      // No such directory, or a file system that does not tell: then nothing is known.
      this.#space = undefined;
    }
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}
