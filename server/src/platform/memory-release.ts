/**
 * Gives large pieces of memory back to the system on a thread of its own: unmapping 64 MiB takes milliseconds, half a
 * gigabyte tens of them. The thread is started when first needed, which takes some milliseconds, and then stays.
 */

import { Worker } from "node:worker_threads";

/** What arrives belongs to the thread; giving it a size of 0 frees it at once. Too short for a file that had to be compiled. */
const SOURCE = 'require("node:worker_threads").parentPort.on("message", (memory) => memory.transfer(0))';
/** The thread has next to no data of its own. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };

export class MemoryRelease {
  #worker: Worker | undefined;

  /** The memory is not to be used any more: all views of it have length 0 from now on. */
  release(memory: ArrayBuffer): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(memory, [memory]);
  }

  stop(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const worker = new Worker(SOURCE, { eval: true, resourceLimits: RESOURCE_LIMITS });
    worker.unref();
    // A thread that could not start, or died, has lost nothing but the memory that was to go.
    worker.on("error", () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }
}
