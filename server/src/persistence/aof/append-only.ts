/**
 * The append-only file of a server: a directory of a base (a snapshot), increments with every change since, and a manifest
 * that says which files count. This is the order of things; files are written by aof-writer.ts.
 *
 * A rewrite makes a new base while changes go on. At one moment the snapshot is cut and the stream turns to a new
 * increment, so base and increment meet exactly; the manifest names the increment before anything is written to it, and
 * the base once it is whole. Whatever a crash interrupts, the manifest on the disk names files that hold all the data.
 *
 * `waiting`: the changes since the cut are being collected, but without a base they are no data set yet: after
 * `appendonly yes` at run time, after a full sync, and after a file was given up because the disk had failed.
 */

import path from "node:path";
import type { Config } from "../../config/config.ts";
import type { AppendOnlyFacts } from "../../observability/facts.ts";
import type { Logger } from "../../observability/logger.ts";
import type { BackgroundDisk } from "../../platform/background-disk.ts";
import type { Clock } from "../../platform/clock.ts";
import { describeSystemError } from "../../platform/system-error.ts";
import type { SnapshotOutcome } from "../persistence.ts";
import type { SnapshotFileOptions } from "../snapshot-file.ts";
import type { SnapshotJob } from "../snapshot-job.ts";
import { type SnapshotTarget, withAbort } from "../snapshot-target.ts";
import { AofStream } from "./aof-stream.ts";
import { AofWriter } from "./aof-writer.ts";
import { DurableReplies } from "./durable-replies.ts";
import { FileNumbers } from "./file-numbers.ts";
import {
  type AofFile,
  EMPTY_MANIFEST,
  formatManifest,
  isRdbBase,
  type Manifest,
  withBase,
  withFile,
} from "./manifest.ts";
import type { PreparingOptions } from "./preparation.ts";
import { RewriteLimit } from "./rewrite-limit.ts";

export interface AppendOnlyOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly disk: BackgroundDisk;
  /** Makes it if need be, and gives the names in it. At once: before a snapshot can be written into it. */
  readonly openDirectory: (directory: string) => readonly string[];
  readonly processId: number;
  readonly schedule: (callback: () => void) => void;
  /** While syncs, or writes, take less, the serving thread makes them itself; microseconds. */
  readonly quickSyncUs: number;
  readonly quickWriteUs: number;
  readonly preparing: PreparingOptions;
  /** A snapshot of any kind is under way. */
  readonly isBusy: () => boolean;
  /** A snapshot may begin. */
  readonly mayBegin: () => boolean;
  /** As an RDB file, or as commands. */
  readonly startSnapshot: (target: SnapshotTarget, isRdb: boolean) => SnapshotJob;
  readonly finishSnapshot: (job: SnapshotJob) => void;
  readonly createFileTarget: (file: SnapshotFileOptions, outcome: SnapshotOutcome) => SnapshotTarget;
}

/** What the files hold as the server starts to append. */
export interface OpenedFiles {
  readonly manifest: Manifest;
  /** Of the base, and of all increments but the last. */
  readonly olderBytes: number;
  readonly baseBytes: number;
}

/** What a rewrite has made; while the file is off, there is no increment behind the base. */
interface NewFiles {
  readonly base: AofFile;
  readonly first: AofFile | undefined;
  readonly bytes: number;
}

interface Rewrite {
  /** The stream has turned to the increment behind the new base; not so while the file is off. */
  readonly hasIncrement: boolean;
  readonly startedAtMs: number;
  readonly job: SnapshotJob;
}

export type RewriteAnswer = "started" | "scheduled" | "under way";

export class AppendOnly {
  readonly stream: AofStream;
  readonly replies: DurableReplies;
  readonly #options: AppendOnlyOptions;
  readonly #writer: AofWriter;
  readonly #limit: RewriteLimit;
  #currentState: "off" | "waiting" | "on" = "off";
  /** The files are being opened: no time for a rewrite. */
  #isBeginning = false;
  #manifest: Manifest = EMPTY_MANIFEST;
  #rewrite: Rewrite | undefined;
  #rewriteEnded: Promise<void> = Promise.resolve();
  #isScheduled = false;
  /** There is still no base: another attempt, in a while. */
  #isRetried = false;
  /** Files before the current increment, and all of them after the last rewrite. */
  #olderBytes = 0;
  #rewriteBaseBytes = 0;
  #lastRewriteSeconds = -1;
  #isLastRewriteOk = true;
  #rewrites = 0;
  #filesBegun = 0;
  readonly #numbers: FileNumbers;

  constructor(options: AppendOnlyOptions) {
    this.#options = options;
    const { config, clock, schedule, quickSyncUs, quickWriteUs, preparing, isBusy } = options;
    this.#numbers = new FileNumbers(config.get("appendfilename"));
    const skipsSync = (): boolean => config.get("no-appendfsync-on-rewrite") && isBusy();
    this.#writer = new AofWriter({
      ...{ clock, schedule, quickSyncUs, quickWriteUs, preparing, skipsSync },
      policy: () => config.get("appendfsync"),
      wrote: () => this.replies.wrote(),
      advanced: () => this.replies.release(),
      failed: (what, reason) => this.#writeFailed(what, reason),
      recovered: () => options.logger.warning("AOF write error looks solved. The server can write again."),
    });
    this.#limit = new RewriteLimit(clock);
    this.stream = new AofStream(this.#writer, {
      nowMs: () => clock.nowMs(),
      writesTimestamps: () => config.get("aof-timestamp-enabled"),
    });
    this.replies = new DurableReplies(this.#writer, skipsSync);
    config.onChange(["appendfsync"], () => this.#promise());
  }

  get #state(): "off" | "waiting" | "on" {
    return this.#currentState;
  }

  set #state(state: "off" | "waiting" | "on") {
    this.#currentState = state;
    this.#promise();
  }

  #promise(): undefined {
    this.replies.promise(this.#currentState === "on", this.#options.config.get("appendfsync") === "always");
  }

  get isOn(): boolean {
    return this.#state !== "off";
  }

  get isRewriting(): boolean {
    return this.#rewrite !== undefined;
  }

  /** What keeps writes from being taken, in the system's words; undefined if nothing does. */
  get writeProblem(): string | undefined {
    const error = this.#writer.lastError;
    return error === undefined || this.#state === "off" ? undefined : describeSystemError(error);
  }

  /** Up to where the stream of changes has come, and up to where a crash would lose nothing. */
  get position(): number {
    return this.#writer.position;
  }

  get durable(): number {
    return this.#writer.durable;
  }

  /**
   * Up to where the end of this process would lose nothing; further than `durable`, which a power cut cannot take back. While
   * there is no base, nothing is promised: all that was added.
   */
  get filed(): number {
    return this.#state === "on" ? this.#writer.filed : this.#writer.position;
  }

  /** The data on disk has been loaded: from now on changes go behind it. */
  async begin(files: OpenedFiles): Promise<void> {
    this.#isBeginning = true;
    this.#manifest = files.manifest;
    this.#olderBytes = files.olderBytes;
    const last = files.manifest.increments.at(-1);
    if (last !== undefined) {
      this.#writer.open(await this.#options.disk.openToAppend(this.#path(last.name)));
      // Before anything follows. If it fails, the writer is broken, and a new base is made.
      await this.#writer.flush().catch(() => undefined);
    } else {
      this.#numbers.passOver(this.#options.openDirectory(this.#directory));
      const increment = this.#numbers.newIncrement(files.manifest);
      const file = await this.#options.disk.create(this.#path(increment.name));
      await this.#writeManifest(withFile(files.manifest, increment));
      this.#writer.open(file);
    }
    // As in Redis: what it was after the last rewrite, increment and all, nobody has noted.
    this.#rewriteBaseBytes = files.baseBytes;
    this.#isBeginning = false;
    this.#turnOn();
    // Turned off while the data was being loaded.
    if (!this.#options.config.get("appendonly")) await this.disable();
  }

  /** What is there while the file is off, loaded by nobody: once a rewrite has made something better, it goes. */
  replaceLater(manifest: Manifest): void {
    this.#manifest = manifest;
  }

  /** `appendonly yes` at run time: the data of this moment becomes the base. Gives why it cannot, in Redis' words. */
  enable(): string | undefined {
    if (this.#state !== "off") return undefined;
    try {
      this.#options.openDirectory(this.#directory);
    } catch (reason) {
      this.#options.logger.warning(`The append-only file cannot be turned on: ${describeSystemError(reason)}`);
      return "Unable to turn on AOF. Check server logs.";
    }
    this.#state = "waiting";
    this.#isScheduled = true;
    this.tick();
    return undefined;
  }

  /** `appendonly no` at run time: the files stay as they are. */
  async disable(): Promise<void> {
    if (this.#state === "off") return;
    this.#cancelRewrite();
    this.#state = "off";
    this.#isScheduled = false;
    this.#isRetried = false;
    this.stream.isActive = false;
    try {
      await this.#writer.finish();
    } catch (reason) {
      this.#options.logger.warning(`The append-only file could not be closed whole: ${describeSystemError(reason)}`);
    }
    // Nobody waits for it any more; unless it was turned on again meanwhile: then a new base will have all of it.
    if (this.#state === "off") await this.#writer.abandon();
  }

  /** Other data is about to take the place of ours: what happens to it is not written. */
  suspend(): void {
    if (this.#state === "off") return;
    this.#cancelRewrite();
    this.stream.isActive = false;
    this.#state = "waiting";
    this.#isScheduled = false;
  }

  /** The other data is here: it becomes the base. */
  resume(): void {
    if (this.#state !== "waiting" || this.stream.isActive) return;
    this.#isScheduled = true;
  }

  /** BGREWRITEAOF. `mayStart` false: at the next occasion, because there is no state worth saving just now. */
  rewrite(mayStart: boolean): RewriteAnswer {
    if (this.#rewrite !== undefined) return "under way";
    if (!mayStart || this.#isBeginning || !this.#options.mayBegin()) {
      this.#isScheduled = true;
      return "scheduled";
    }
    this.#startRewrite();
    return "started";
  }

  /** Some times a second. */
  tick(): void {
    this.#writer.tick();
    if (!this.#options.mayBegin() || this.#isBeginning || this.#rewrite !== undefined) return;
    const isNeeded = this.#isRetried || (this.#writer.isBroken && this.#state !== "off");
    if (this.#isScheduled || (isNeeded && this.#limit.mayTry) || this.#isGrown()) this.#startRewrite();
  }

  /** Runs `task` once the files hold what was added until now, and nothing else. They stay like that until it is done. */
  atRest(task: () => Promise<void>): Promise<void> {
    return this.#writer.atRest(task);
  }

  /** What was added so far is on the disk, behind the first base if that is being written; rejects if it cannot be. */
  async flush(): Promise<void> {
    await this.#haveFirstBase();
    if (this.#state === "on") await this.#writer.flush();
  }

  /** Everything is on the disk, and the file closed; rejects if it cannot be. */
  async finish(): Promise<void> {
    await this.#haveFirstBase();
    this.#cancelRewrite();
    if (this.#state === "off") return;
    await this.#writer.finish();
    this.#state = "off";
    this.stream.isActive = false;
  }

  facts(): AppendOnlyFacts {
    const { clock } = this.#options;
    const writer = this.#writer;
    const rewrite = this.#rewrite;
    return {
      isEnabled: this.isOn,
      isRewriting: rewrite !== undefined,
      isRewriteScheduled: this.#isScheduled,
      lastRewriteSeconds: this.#lastRewriteSeconds,
      currentRewriteSeconds: rewrite === undefined ? -1 : Math.floor((clock.nowMs() - rewrite.startedAtMs) / 1000),
      isLastRewriteOk: this.#isLastRewriteOk,
      isLastWriteOk: writer.lastError === undefined,
      rewrites: this.#rewrites,
      failedRewritesInARow: this.#limit.failures,
      currentBytes: this.#currentBytes,
      baseBytes: this.#rewriteBaseBytes,
      pendingBytes: writer.pendingBytes,
      delayedFsyncs: writer.delayedSyncs,
    };
  }

  #turnOn(): void {
    this.#state = "on";
    this.stream.isActive = true;
  }

  #isGrown(): boolean {
    const { config } = this.#options;
    const percentage = config.get("auto-aof-rewrite-percentage");
    const bytes = this.#currentBytes;
    if (this.#state !== "on" || percentage === 0 || bytes <= config.get("auto-aof-rewrite-min-size")) return false;
    const growth = (bytes * 100) / Math.max(1, this.#rewriteBaseBytes) - 100;
    if (growth < percentage || !this.#limit.mayTry) return false;
    this.#options.logger.notice(`Starting automatic rewriting of AOF on ${Math.floor(growth)}% growth`);
    return true;
  }

  /** Cuts the snapshot and turns the stream to a new increment, in one go. */
  #startRewrite(): void {
    const { logger, clock, config, openDirectory } = this.#options;
    this.#isScheduled = false;
    this.#isRetried = false;
    this.#rewrites++;
    try {
      this.#numbers.passOver(openDirectory(this.#directory));
    } catch (reason) {
      this.#startFailed(reason);
      return;
    }
    const base = this.#numbers.newBase(this.#manifest, config.get("aof-use-rdb-preamble"));
    const snapshot = this.#writeBase(base.name);
    const hasIncrement = this.#state !== "off";
    const increment = hasIncrement ? this.#turnStream() : Promise.resolve(undefined);
    const rewrite = { hasIncrement, startedAtMs: clock.nowMs(), job: snapshot.job };
    this.#rewrite = rewrite;
    logger.notice("Background append only file rewriting started");
    this.#rewriteEnded = Promise.all([increment, snapshot.written])
      .then(([first, bytes]) => this.#commit(rewrite, { base, first, bytes }))
      .catch((reason) => this.#rewriteFailed(rewrite, reason));
  }

  /**
   * Gives the new increment, once it is open. With a base in force the manifest names the increment at once; without one
   * it is named together with the new base.
   */
  async #turnStream(): Promise<AofFile> {
    const { disk } = this.#options;
    const increment = this.#numbers.newIncrement(this.#manifest);
    this.stream.beginFile();
    this.stream.isActive = true;
    if (this.#state === "waiting" || this.#writer.isBroken) {
      this.#state = "waiting";
      await this.#writer.restart(() => disk.create(this.#path(increment.name)));
      return increment;
    }
    await this.#writer.rotate(async () => {
      const file = await disk.create(this.#path(increment.name));
      await this.#writeManifest(withFile(this.#manifest, increment));
      this.#olderBytes += this.#writer.fileBytes;
      return file;
    });
    return increment;
  }

  #writeBase(name: string): { job: SnapshotJob; written: Promise<number> } {
    const { config, startSnapshot, createFileTarget, processId } = this.#options;
    const file: SnapshotFileOptions = {
      directory: this.#directory,
      name,
      temporaryName: `temp-rewriteaof-bg-${processId}-${++this.#filesBegun}.aof`,
      checksum: isRdbBase(name) ? config.get("rdbchecksum") : undefined,
    };
    const { promise: written, resolve: done, reject } = Promise.withResolvers<number>();
    const target = createFileTarget(file, { done, failed: (message) => reject(new Error(message)) });
    const job = startSnapshot(
      withAbort(target, () => reject(new Error(GIVEN_UP))),
      isRdbBase(name),
    );
    return { job, written };
  }

  async #commit(rewrite: Rewrite, { base, first, bytes }: NewFiles): Promise<void> {
    if (this.#rewrite !== rewrite) return;
    const { disk, clock, finishSnapshot } = this.#options;
    await this.#writer.enqueue(async () => {
      const manifest = withBase(first === undefined ? this.#manifest : withFile(this.#manifest, first), base, first);
      await this.#writeManifest(manifest);
      // The directory itself may be new.
      await disk.syncDirectory(this.#options.config.get("dir"));
    });
    void this.#writer.enqueue(() => this.#removeHistory());
    finishSnapshot(rewrite.job);
    // Given up meanwhile; the files are whole all the same.
    if (this.#rewrite !== rewrite) return;
    this.#rewrite = undefined;
    if (rewrite.hasIncrement && this.#state === "waiting") this.#turnOn();
    if (rewrite.hasIncrement) this.#writer.confirm();
    this.#olderBytes = bytes;
    this.#rewriteBaseBytes = this.#currentBytes;
    this.#lastRewriteSeconds = Math.floor((clock.nowMs() - rewrite.startedAtMs) / 1000);
    this.#isLastRewriteOk = true;
    this.#limit.succeeded();
    this.#options.logger.notice("Background AOF rewrite finished successfully");
  }

  /** What cannot be removed now is tried again after the next rewrite, or at the next start. */
  async #removeHistory(): Promise<void> {
    const manifest = this.#manifest;
    try {
      for (const { name } of manifest.history) await this.#options.disk.remove(this.#path(name));
      await this.#writeManifest({ ...manifest, history: [] });
    } catch (reason) {
      this.#options.logger.warning(`Old AOF files could not be removed: ${describeSystemError(reason)}`);
    }
  }

  #rewriteFailed(rewrite: Rewrite, reason: unknown): void {
    const { finishSnapshot, clock } = this.#options;
    if (this.#rewrite !== rewrite) return;
    const isGivenUp = reason instanceof Error && reason.message === GIVEN_UP;
    if (!isGivenUp) {
      rewrite.job.abort();
      this.#startFailed(reason);
    }
    finishSnapshot(rewrite.job);
    this.#rewrite = undefined;
    this.#lastRewriteSeconds = Math.floor((clock.nowMs() - rewrite.startedAtMs) / 1000);
    if (isGivenUp) this.#isScheduled = true;
  }

  /** Without a base to come, there is no use in collecting what would follow it. */
  #startFailed(reason: unknown): void {
    this.#options.logger.warning(`Background AOF rewrite failed: ${describeSystemError(reason)}`);
    this.#isLastRewriteOk = false;
    this.#limit.failed();
    if (this.#state !== "waiting") return;
    this.stream.isActive = false;
    this.#writer.drop();
    this.#isRetried = true;
  }

  /** Without a base the files are no data set, and what is in memory may be on no disk at all. */
  async #haveFirstBase(): Promise<void> {
    if (this.#state !== "waiting" || this.#rewrite === undefined) return;
    await this.#rewriteEnded;
    if (this.#state === "waiting") throw new Error("its first base could not be written");
  }

  #cancelRewrite(): void {
    const rewrite = this.#rewrite;
    if (rewrite === undefined) return;
    this.#rewrite = undefined;
    rewrite.job.abort();
    this.#options.finishSnapshot(rewrite.job);
  }

  async #writeManifest(manifest: Manifest): Promise<void> {
    const name = `${this.#fileName}.manifest`;
    await this.#options.disk.replace(this.#path(name), this.#path(`temp-${name}`), formatManifest(manifest));
    this.#manifest = manifest;
  }

  #writeFailed(what: "write" | "sync", reason: Error): void {
    const verb = what === "write" ? "writing to" : "syncing";
    this.#options.logger.warning(`Error ${verb} the AOF file: ${describeSystemError(reason)}`);
  }

  get #currentBytes(): number {
    return this.#olderBytes + this.#writer.fileBytes;
  }

  get #fileName(): string {
    return this.#options.config.get("appendfilename");
  }

  get #directory(): string {
    const { config } = this.#options;
    return path.join(config.get("dir"), config.get("appenddirname"));
  }

  #path(name: string): string {
    return path.join(this.#directory, name);
  }
}

/** Somebody needed the snapshot's place: the rewrite is started again. */
const GIVEN_UP = "given up for another snapshot";
