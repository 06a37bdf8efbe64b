/**
 * Writes the stream of changes to the current increment. What is added in a turn leaves in one write, which the serving thread
 * makes itself before the replies of that turn leave, as long as that is quick; else another thread does, one write at a time,
 * and what comes meanwhile goes with the next. With `always` each write is followed by a sync, so one sync covers all clients
 * that wrote in the meantime, and where the disk syncs quicker than another thread could be asked to, the serving thread does
 * that too; while it does so often, the file is prepared ahead. With `everysec` a sync runs beside the writes.
 *
 * Positions, `filed` and `durable` are those of stream-progress.ts.
 *
 * A write that fails is cut off again and tried until it succeeds: nothing that was added is ever dropped. After a sync that
 * failed nobody knows what is on the disk (the kernel may have dropped the pages), so the file is given up: the writer is
 * `isBroken` until it is restarted with a file that stands behind a new base.
 */

import type { BackgroundFile } from "../../platform/background-disk.ts";
import type { Clock } from "../../platform/clock.ts";
import { ChangeBatch } from "./change-batch.ts";
import { Preparation, type PreparingOptions, type PreparingStep } from "./preparation.ts";
import { PreparedFile } from "./prepared-file.ts";
import { StreamProgress, type SyncMark } from "./stream-progress.ts";
import { SyncPace } from "./sync-pace.ts";
import { WritePace } from "./write-pace.ts";

export type SyncPolicy = "always" | "everysec" | "no";

export interface AofWriterOptions {
  readonly clock: Clock;
  readonly policy: () => SyncPolicy;
  /** `no-appendfsync-on-rewrite` holds just now. */
  readonly skipsSync: () => boolean;
  /** Calls back once the turn of the event loop is over. */
  readonly schedule: (callback: () => void) => void;
  /** While syncs, or writes, take less, the serving thread makes them itself; microseconds. */
  readonly quickSyncUs: number;
  readonly quickWriteUs: number;
  readonly preparing: PreparingOptions;
  /** `filed` has moved. */
  readonly wrote: () => void;
  /** `durable` has moved. */
  readonly advanced: () => void;
  readonly failed: (what: "write" | "sync", reason: Error) => void;
  readonly recovered: () => void;
}

type Job =
  | { readonly kind: "append"; readonly pieces: readonly Buffer[]; readonly end: number }
  | { readonly kind: "task"; readonly run: () => Promise<void> };

const SYNC_INTERVAL_MS = 1000;
const RETRY_MS = 1000;
/** A sync that takes longer than this counts as delayed. */
const LONG_SYNC_MS = 2000;
/** What is longer is never written by the serving thread, nor synced. */
const MOST_BYTES_WRITTEN = 4 << 20;
const MOST_BYTES_SYNCED = 256 << 10;

export class AofWriter {
  readonly #options: AofWriterOptions;
  readonly #batch = new ChangeBatch();
  readonly #jobs: Job[] = [];
  readonly #pace: SyncPace;
  readonly #writePace: WritePace;
  readonly #preparation: Preparation;
  #file: PreparedFile | undefined;
  readonly #progress = new StreamProgress();
  #isScheduled = false;
  #isRunning = false;
  #retryAtMs = 0;
  #lastSyncMs = 0;
  #syncing: Promise<boolean> | undefined;
  #isSyncLong = false;
  #error: Error | undefined;
  /** Counts restarts: what was under way in an earlier one is not put back. */
  #generation = 0;
  #attemptFails: ((reason: Error) => void) | undefined;
  isBroken = false;
  delayedSyncs = 0;

  constructor(options: AofWriterOptions) {
    this.#options = options;
    this.#pace = new SyncPace(options.quickSyncUs);
    this.#writePace = new WritePace(options.quickWriteUs);
    this.#preparation = new Preparation(options.preparing, options.clock.nowMs());
  }

  get position(): number {
    return this.#progress.added;
  }

  get durable(): number {
    return this.#progress.durable;
  }

  get filed(): number {
    return this.#progress.filed;
  }

  /** The file has it, whether or not that counts. */
  get written(): number {
    return this.#progress.written;
  }

  /** Added and not yet written. */
  get pendingBytes(): number {
    return this.#progress.pendingBytes;
  }

  get fileBytes(): number {
    return this.#file?.sizeBytes ?? 0;
  }

  get lastError(): Error | undefined {
    return this.#error;
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.#batch.append(bytes, start, end);
    this.#progress.added += end - start;
    if (this.#isScheduled || this.#isRunning) return;
    this.#isScheduled = true;
    this.#options.schedule(() => {
      this.#isScheduled = false;
      if (!this.#batch.isEmpty && !this.#writeAtOnce()) this.#start();
    });
  }

  /** Writes what was added, and syncs it if it has to be, at once if the disk is quick and nothing else is under way. */
  settle(): void {
    this.#writeAtOnce();
  }

  /** `settle` would sync. */
  get settles(): boolean {
    return this.#mustSync && this.#mayWriteAtOnce();
  }

  /** From here on into this file, which is empty or ends where the data does. */
  open(file: BackgroundFile): void {
    this.#file = this.#prepared(file);
    // What a server before has left in it, or has cut off, may not be synced.
    this.#progress.needSync();
    this.#lastSyncMs = this.#options.clock.nowMs();
  }

  /**
   * What was added so far goes to the current file, which is synced and closed; what comes goes to the file that `next`
   * makes. If that fails, everything goes on in the current one, and it rejects.
   */
  rotate(next: () => Promise<BackgroundFile>): Promise<void> {
    return this.enqueue(async () => {
      await this.#syncAll();
      await this.#file?.finish().catch((reason) => {
        this.#break("sync", reason);
        throw reason;
      });
      const file = await next();
      await this.#close();
      this.#file = this.#prepared(file);
    });
  }

  /**
   * What was added and not written is not wanted: a new base will have it. What comes goes to the file that `next` makes,
   * and counts as durable once `confirm` is called.
   */
  restart(next: () => Promise<BackgroundFile>): Promise<void> {
    this.#discard();
    const progress = this.#progress;
    const start = progress.added;
    progress.isProvisional = true;
    return this.enqueue(async () => {
      const file = await next();
      await this.#close();
      this.#file = this.#prepared(file);
      progress.written = Math.max(progress.written, start);
      progress.synced = Math.max(progress.synced, start);
      this.isBroken = false;
    });
  }

  /** The base is there, so what is written counts, unless that file has been given up meanwhile. */
  confirm(): void {
    const progress = this.#progress;
    progress.isProvisional = this.isBroken;
    this.#clearError();
    progress.advanceFiled();
    if (progress.advanceDurable()) this.#options.advanced();
    else this.#options.wrote();
  }

  /** Runs `task` behind everything that was added or asked for before. Rejects as it does. */
  enqueue(task: () => Promise<void>): Promise<void> {
    this.#sealBatch();
    return new Promise((resolve, reject) => {
      this.#jobs.push({ kind: "task", run: () => task().then(resolve, reject) });
      this.#start();
    });
  }

  /** The same, with a file that ends where its data does. */
  atRest(task: () => Promise<void>): Promise<void> {
    return this.enqueue(async () => {
      await this.#file?.trim();
      await task();
    });
  }

  /** Some times a second: syncs that are due, writes to try again. */
  tick(): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.pendingBytes > 0 && nowMs >= this.#retryAtMs) this.#start();
    if (this.#file === undefined || this.isBroken) return;
    const file = this.#file;
    const step = this.#preparation.stepFor(file, nowMs);
    if (step !== undefined) void this.enqueue(() => this.#take(step, file));
    const policy = this.#options.policy();
    if (policy === "no") return;
    const isDue = nowMs - this.#lastSyncMs >= SYNC_INTERVAL_MS && this.#progress.isUnsynced;
    if (!isDue || this.#options.skipsSync()) return;
    if (this.#syncing === undefined) void this.#sync();
    else if (
      policy === "everysec" &&
      !this.#isSyncLong &&
      nowMs - this.#lastSyncMs >= SYNC_INTERVAL_MS + LONG_SYNC_MS
    ) {
      this.#isSyncLong = true;
      this.delayedSyncs++;
    }
  }

  /** Everything that was added is on the disk; rejects at the first attempt that fails. */
  flush(): Promise<void> {
    return this.#attempt(() => this.#syncAll());
  }

  /** The same, and the file is closed. */
  finish(): Promise<void> {
    return this.#attempt(async () => {
      await this.#syncAll();
      await this.#close();
    });
  }

  /**
   * What was added and not written is not wanted, and nothing may follow it in the file: that would have a gap. Nothing
   * becomes durable by that.
   */
  drop(): void {
    const progress = this.#progress;
    this.isBroken = true;
    progress.isProvisional = true;
    this.#discard();
    progress.written = progress.added;
    progress.synced = progress.added;
  }

  /** Nobody waits for the disk any more: the file is left as it is. */
  async abandon(): Promise<void> {
    this.drop();
    this.isBroken = false;
    this.confirm();
    await this.enqueue(() => this.#close());
  }

  #prepared(file: BackgroundFile): PreparedFile {
    const { key, stepBytes } = this.#options.preparing;
    return new PreparedFile(file, { key: key(), stepBytes });
  }

  /** What fails leaves the file as it was, or broken. */
  async #take(step: PreparingStep, file: PreparedFile): Promise<void> {
    if (this.#file !== file || this.isBroken || this.#error !== undefined) return;
    const { sizeBytes } = file;
    try {
      await file[step]();
    } catch {
      await file.truncate(sizeBytes).catch((problem) => this.#break("write", problem));
    }
  }

  /** Behind everything that was added; rejects as soon as something fails on the way there. */
  async #attempt(task: () => Promise<void>): Promise<void> {
    const failed = new Promise<never>((_resolve, reject) => {
      this.#attemptFails = reject;
    });
    this.#retryAtMs = 0;
    try {
      await Promise.race([this.enqueue(task), failed]);
    } finally {
      this.#attemptFails = undefined;
    }
  }

  async #syncAll(): Promise<void> {
    if (!(await this.#sync())) throw this.#error ?? new Error("The append-only file cannot be synced");
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  #discard(): void {
    this.#generation++;
    this.#batch.take();
    const tasks = this.#jobs.filter(({ kind }) => kind === "task");
    this.#jobs.splice(0, this.#jobs.length, ...tasks);
  }

  /** On the serving thread, if the disk is quick and nothing else is to be done. False if there is something left to do. */
  #writeAtOnce(): boolean {
    const file = this.#file;
    if (file === undefined || !this.#mayWriteAtOnce()) return false;
    const end = this.#progress.added;
    const { sizeBytes } = file;
    const { clock } = this.#options;
    const startUs = clock.monotonicUs();
    try {
      file.appendNow(this.#batch.pieces);
    } catch (reason) {
      this.#fail("write", reason);
      this.#jobs.push(
        { kind: "task", run: () => this.#cutOff(file, sizeBytes) },
        { kind: "append", pieces: this.#batch.take(), end },
      );
      return false;
    }
    this.#batch.clear();
    this.#writePace.add(clock.monotonicUs() - startUs, clock.nowMs());
    this.#progress.wrote(end);
    if (this.#mustSync) this.#syncAtOnce(file);
    else this.#options.wrote();
    return true;
  }

  #syncAtOnce(file: PreparedFile): void {
    const { clock } = this.#options;
    const startUs = clock.monotonicUs();
    this.#lastSyncMs = clock.nowMs();
    try {
      file.syncNow();
    } catch (reason) {
      this.#break("sync", reason);
      return;
    }
    this.#pace.add(clock.monotonicUs() - startUs);
    this.#preparation.countSync();
    this.#markSynced(this.#progress.mark);
  }

  /** What is written has to be synced at once. */
  get #mustSync(): boolean {
    return this.#options.policy() === "always" && !this.#options.skipsSync();
  }

  #mayWriteAtOnce(): boolean {
    if (this.#isRunning || this.#jobs.length > 0 || this.#batch.isEmpty) return false;
    if (this.isBroken || this.#error !== undefined) return false;
    const bytes = this.pendingBytes;
    const mustSync = this.#mustSync;
    if (bytes > (mustSync ? MOST_BYTES_SYNCED : MOST_BYTES_WRITTEN) || this.#file?.fits(bytes) !== true) return false;
    if (!this.#writePace.isQuick(this.#options.clock.nowMs())) return false;
    return !mustSync || (this.#pace.isQuick && this.#syncing === undefined);
  }

  /** Until there is nothing to do, or something that has to wait for another attempt. */
  async #run(): Promise<void> {
    for (;;) {
      this.#sealBatch();
      const job = this.#jobs.shift();
      if (job === undefined) break;
      if (job.kind === "task") {
        await job.run();
        continue;
      }
      const generation = this.#generation;
      if (await this.#append(job.pieces, job.end)) continue;
      if (generation === this.#generation) this.#jobs.unshift(job);
      if (!this.#skipToTask()) break;
    }
    // In the same step as the last look: what is asked for after it starts anew.
    this.#isRunning = false;
  }

  /** What is given up with a broken file must not keep the task that replaces it from running. */
  #skipToTask(): boolean {
    if (!this.isBroken) return false;
    const index = this.#jobs.findIndex(({ kind }) => kind === "task");
    if (index < 0) return false;
    this.#jobs.unshift(...this.#jobs.splice(index, 1));
    return true;
  }

  #sealBatch(): void {
    if (this.#batch.isEmpty) return;
    this.#jobs.push({ kind: "append", pieces: this.#batch.take(), end: this.#progress.added });
  }

  async #append(pieces: readonly Buffer[], end: number): Promise<boolean> {
    const file = this.#file;
    if (file === undefined || this.isBroken) return false;
    if (this.#error !== undefined && this.#options.clock.nowMs() < this.#retryAtMs) return false;
    const { sizeBytes } = file;
    const { clock } = this.#options;
    const startUs = clock.monotonicUs();
    try {
      await file.append(pieces);
    } catch (reason) {
      this.#fail("write", reason);
      await this.#cutOff(file, sizeBytes);
      return false;
    }
    this.#writePace.add(clock.monotonicUs() - startUs, clock.nowMs());
    this.#progress.wrote(end);
    this.#options.wrote();
    if (this.#mustSync && !(await this.#sync())) return true;
    this.#clearError();
    return true;
  }

  /** False if it failed: the file is broken then. One at a time; a second call waits for what the first does not cover. */
  async #sync(): Promise<boolean> {
    while (this.#syncing !== undefined) await this.#syncing;
    const file = this.#file;
    if (file === undefined || !this.#progress.isUnsynced) return !this.isBroken;
    if (this.isBroken) return false;
    const { clock } = this.#options;
    const { mark } = this.#progress;
    this.#lastSyncMs = clock.nowMs();
    const startUs = clock.monotonicUs();
    this.#syncing = file.sync().then(
      () => {
        this.#pace.add(clock.monotonicUs() - startUs);
        this.#markSynced(mark);
        return true;
      },
      (reason) => {
        this.#break("sync", reason);
        return false;
      },
    );
    const isOk = await this.#syncing;
    this.#syncing = undefined;
    this.#isSyncLong = false;
    return isOk;
  }

  #markSynced(mark: SyncMark): void {
    if (this.#progress.markSynced(mark)) this.#options.advanced();
  }

  #break(what: "write" | "sync", reason: unknown): void {
    this.isBroken = true;
    this.#progress.isProvisional = true;
    this.#fail(what, reason);
  }

  /** What a write that failed has left. A file that others follow must not get it back by a power cut. */
  async #cutOff(file: PreparedFile, sizeBytes: number): Promise<void> {
    this.#progress.needSync();
    await file.truncate(sizeBytes).catch((problem) => this.#break("write", problem));
  }

  #fail(what: "write" | "sync", reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    const isNew = this.#error === undefined;
    this.#error = error;
    this.#retryAtMs = this.#options.clock.nowMs() + RETRY_MS;
    if (isNew || this.isBroken) this.#options.failed(what, error);
    this.#attemptFails?.(error);
  }

  #clearError(): void {
    if (this.#error === undefined || this.#progress.isProvisional || this.isBroken) return;
    this.#error = undefined;
    this.#options.recovered();
  }

  async #close(): Promise<void> {
    while (this.#syncing !== undefined) await this.#syncing;
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }
}
