/**
 * Gives large pieces of memory back to the system on a thread of its own: unmapping 64 MiB takes milliseconds, half a
 * gigabyte tens of them. The thread is started when first needed and ends when it has had nothing to do for a while.
 */

import { Worker } from "node:worker_threads";
import type { CancelTimer, Clock } from "./clock.ts";

/** From source this is TypeScript, built it is JavaScript. */
const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "js";
const IDLE_MS = 10_000;
/** The thread has next to no data of its own. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };

export class MemoryRelease {
  readonly #clock: Clock;
  #worker: Worker | undefined;
  #cancelEnd: CancelTimer = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The memory is not to be used any more: all views of it have length 0 from now on. */
  release(memory: ArrayBuffer): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(memory, [memory]);
    this.#cancelEnd();
    this.#cancelEnd = this.#clock.after(IDLE_MS, () => this.stop());
  }

  stop(): void {
    this.#cancelEnd();
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const url = new URL(`./memory-release-worker.${EXTENSION}`, import.meta.url);
    const worker = new Worker(url, { resourceLimits: RESOURCE_LIMITS });
    worker.unref();
    // A thread that could not start, or died, has lost nothing but the memory that was to go.
    worker.on("error", () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }
}
