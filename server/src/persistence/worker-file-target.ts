/** A snapshot target that hands its chunks to a thread of its own, which writes the file (snapshot-worker.ts). */

import path from "node:path";
import { Worker } from "node:worker_threads";
import { systemBackgroundDisk } from "../platform/background-disk.ts";
import { CHUNK_BYTES, createChunk } from "./rdb-output.ts";
import type { SnapshotFileOptions } from "./snapshot-file.ts";
import type { SnapshotTarget } from "./snapshot-target.ts";
import { Fate, type FromSnapshotWorker, type SnapshotWorkerData, type ToSnapshotWorker } from "./snapshot-worker.ts";

/** Chunks on their way; the walk pauses beyond this. */
const FULL_CHUNKS = 16;
/** From source this is TypeScript, built it is JavaScript. */
const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "js";

export interface WorkerFileTargetOptions {
  readonly file: SnapshotFileOptions;
  readonly done: (sizeBytes: number) => void;
  /** Called at most once, and not after `done`. */
  readonly failed: (message: string) => void;
}

type StartThread = (workerData: SnapshotWorkerData) => Worker;

const startWorker: StartThread = (workerData) =>
  new Worker(new URL(`./snapshot-worker.${EXTENSION}`, import.meta.url), { workerData });

export class WorkerFileTarget implements SnapshotTarget {
  /** Undefined if the system gives no thread: the snapshot fails then, as by any other fault. */
  readonly #worker: Worker | undefined;
  readonly #options: WorkerFileTargetOptions;
  readonly #spare: Buffer[] = [];
  readonly #fate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #chunksUnderWay = 0;
  #isOver = false;
  /** The thread has done with its file. */
  #hasEnded = false;

  constructor(options: WorkerFileTargetOptions, startThread: StartThread = startWorker) {
    this.#options = options;
    const workerData: SnapshotWorkerData = {
      task: "write snapshot",
      file: options.file,
      fate: this.#fate.buffer as SharedArrayBuffer,
    };
    this.#worker = this.#start(() => startThread(workerData));
  }

  #start(startThread: () => Worker): Worker | undefined {
    try {
      const worker = startThread();
      worker.on("message", (message: FromSnapshotWorker) => this.#receive(message));
      worker.on("error", (error) => this.#threadFailed(error.message));
      worker.on("exit", () => this.#threadFailed("the writing thread ended"));
      return worker;
    } catch (error) {
      // Not before the owner has the target in hand.
      setImmediate(() => this.#fail((error as Error).message));
      return undefined;
    }
  }

  exchange(chunk: Buffer, length: number): Buffer {
    if (this.#isOver) return chunk;
    const memory = chunk.buffer as ArrayBuffer;
    this.#chunksUnderWay++;
    this.#send({ kind: "chunk", memory, length }, [memory]);
    return this.#spare.pop() ?? createChunk();
  }

  get isFull(): boolean {
    return this.#chunksUnderWay >= FULL_CHUNKS;
  }

  get waitingBytes(): number {
    return this.#chunksUnderWay * CHUNK_BYTES;
  }

  end(): void {
    if (!this.#isOver) this.#send({ kind: "end" });
  }

  /** From here on the file cannot take the real name any more. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const before = Atomics.compareExchange(this.#fate, 0, Fate.open, Fate.decided);
    if (before === Fate.publishing) Atomics.wait(this.#fate, 0, Fate.publishing);
    this.#send({ kind: "abort" });
  }

  #send(message: ToSnapshotWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  #receive(message: FromSnapshotWorker): void {
    if (message.kind === "written") {
      this.#chunksUnderWay--;
      if (this.#spare.length < FULL_CHUNKS) this.#spare.push(Buffer.from(message.memory));
    } else if (message.kind === "done") {
      this.#hasEnded = true;
      if (this.#isOver) return;
      this.#isOver = true;
      this.#options.done(message.sizeBytes);
    } else {
      this.#hasEnded = true;
      if (message.kind === "failed") this.#fail(message.message);
    }
  }

  /** It could not take its file away itself. Whoever has given the snapshot up hears nothing of that. */
  #threadFailed(message: string): void {
    if (!this.#hasEnded) this.#removeFile();
    this.#hasEnded = true;
    this.#fail(message);
  }

  #removeFile(): void {
    const { directory, temporaryName } = this.#options.file;
    // What cannot be removed goes at the next start.
    systemBackgroundDisk.remove(path.join(directory, temporaryName)).catch(() => undefined);
  }

  #fail(message: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.failed(message);
  }
}
