/**
 * Saving and loading of the data set: SAVE, BGSAVE, save points, the load at start, and what INFO says about them. One
 * snapshot runs at a time, whoever asked for it; a replica's full sync takes the same place (`startSnapshot`).
 *
 * What changed since the last save is the keyspace's `dirty` count; a save takes off what it had at its cut.
 */

import path from "node:path";
import type { Handle } from "../memory/arena-layout.ts";
import type { PersistenceFacts } from "../observability/facts.ts";
import { COMPATIBLE_VERSION } from "../observability/product.ts";
import { Collections } from "../values/collections.ts";
import type { AppendOnly } from "./aof/append-only.ts";
import { DataLoading, type DataLoadingOptions, type OldData } from "./data-loading.ts";
import { DirectFileTarget } from "./direct-file-target.ts";
import type { KeyspaceLoader } from "./keyspace-loader.ts";
import { removeLeftovers, temporarySnapshotName } from "./leftovers.ts";
import { librariesFile } from "./libraries-file.ts";
import type { RdbHeader } from "./rdb-frame.ts";
import type { LoadProgress } from "./rdb-loader.ts";
import { RdbOutput } from "./rdb-output.ts";
import { type ReloadRequest, reload } from "./reload.ts";
import { SliceMeter } from "./slice-meter.ts";
import { Snapshot } from "./snapshot.ts";
import type { SnapshotFileOptions } from "./snapshot-file.ts";
import { rdbForm, type SnapshotForm } from "./snapshot-form.ts";
import { SnapshotJob } from "./snapshot-job.ts";
import type { SnapshotTarget } from "./snapshot-target.ts";

/** After a failed save, the next one by save points comes no sooner. */
const RETRY_AFTER_MS = 5000;
const INCOMPLETE = "What is in memory is a part of a data set only";

export interface SnapshotOutcome {
  readonly done: (sizeBytes: number) => void;
  readonly failed: (message: string) => void;
}

export interface PersistenceOptions extends DataLoadingOptions {
  readonly processId: number;
  /** Whether a process of this id runs on this machine. */
  readonly isProcessAlive: (processId: number) => boolean;
  /** Where the data stands in the stream of changes, for the header of files. */
  readonly replicationPosition: () => RdbHeader["replication"];
  /** Makes the target that writes a file in the background. */
  readonly createFileTarget: (file: SnapshotFileOptions, outcome: SnapshotOutcome) => SnapshotTarget;
  /** The append-only file: its figures, and what it has to know when other data takes the place of ours. */
  readonly appendOnly: () => Pick<AppendOnly, "facts" | "suspend" | "resume">;
  /** A script was put aside that has not ended: its changes belong together, and what it sees is one data set. */
  readonly isHeldUp: () => boolean;
  /** Writers that waited because of `isBehind` or `holds` may go on, or ask again. */
  readonly caughtUp: () => void;
}

export class Persistence {
  readonly #options: PersistenceOptions;
  /** Views for snapshots alone: they run in the middle of commands that use the others. */
  readonly #ownCollections: Collections;
  readonly #meter = new SliceMeter();
  #job: SnapshotJob | undefined;
  #jobStartedAtMs = 0;
  #isSaving = false;
  #isScheduled = false;
  #lastSaveAtMs: number;
  #lastAttemptAtMs = 0;
  #isLastSaveOk = true;
  #lastSaveSeconds = -1;
  #saves = 0;
  #filesBegun = 0;
  readonly #loading: DataLoading;

  constructor(options: PersistenceOptions) {
    this.#options = options;
    const { collections, clock } = options;
    this.#ownCollections = new Collections(collections.arena, collections.limits, collections.random);
    this.#lastSaveAtMs = clock.nowMs();
    this.#loading = new DataLoading(options, () => this.abort());
  }

  /** A snapshot of any kind is under way. */
  get isBusy(): boolean {
    return this.#job !== undefined;
  }

  /** A snapshot may begin: none is under way, and the data is whole, and not in the middle of a change. */
  get mayBegin(): boolean {
    return !this.isBusy && !this.#loading.isUnderWay && !this.isDataIncomplete && !this.#options.isHeldUp();
  }

  /** Nothing is served because data is being loaded. */
  get isLoading(): boolean {
    return this.#loading.isUnderWay && !this.isLoadingBeside;
  }

  /** Data is being loaded, and that which it is to replace is served. */
  get isLoadingBeside(): boolean {
    return this.#loading.isBesideServedData;
  }

  /** What is in memory is no data set, or a part of one: it must not be saved over the one on disk. */
  get isDataIncomplete(): boolean {
    return this.#loading.isDataIncomplete;
  }

  /** This server is a primary now: what is here is the data set, whatever was to come. */
  acceptData(): void {
    this.#loading.accept();
  }

  get lastSaveAtMs(): number {
    return this.#lastSaveAtMs;
  }

  /** Writes are refused because the data cannot be saved. */
  get refusesWrites(): boolean {
    const { config } = this.#options;
    return !this.#isLastSaveOk && config.get("stop-writes-on-bgsave-error") && config.get("save").length > 0;
  }

  /** Changes wait in memory faster than the snapshot writes them away: writers have to wait. */
  get isBehind(): boolean {
    return this.#job?.isBehind ?? false;
  }

  /** Whether changing the value of this record has to wait for the snapshot under way, which writes it next then. */
  holds(record: Handle): boolean {
    return this.#job?.holds(record) ?? false;
  }

  /** SAVE: writes the file now, nothing else runs meanwhile; a save under way is given up. Gives what went wrong. */
  saveNow(): string | undefined {
    const { logger } = this.#options;
    if (this.isDataIncomplete) {
      logger.warning(`Error trying to save the DB: ${INCOMPLETE}`);
      return INCOMPLETE;
    }
    this.abort();
    const startedAtMs = this.#options.clock.nowMs();
    const dirty = this.#options.keyspace.dirty;
    try {
      this.writeNow(this.#nextFile(), false);
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : String(reason);
      logger.warning(`Error trying to save the DB: ${message}`);
      this.#isLastSaveOk = false;
      return message;
    }
    logger.notice("DB saved on disk");
    this.#saved(dirty, startedAtMs);
    return undefined;
  }

  /** Writes all data to a file, now. Throws what the disk says; there is no file then. */
  writeNow(file: SnapshotFileOptions, isAofBase: boolean, form = rdbForm): void {
    const target = new DirectFileTarget(this.#options.disk, file);
    const snapshot = this.#cut(target, isAofBase, form);
    try {
      snapshot.walk(() => false);
      target.commit();
    } catch (reason) {
      snapshot.abort();
      target.abort();
      throw reason;
    }
  }

  /** BGSAVE: false if none may begin now (`mayBegin`). */
  saveInBackground(): boolean {
    if (!this.mayBegin) return false;
    const { logger, keyspace, clock } = this.#options;
    const dirty = keyspace.dirty;
    const startedAtMs = clock.nowMs();
    this.#lastAttemptAtMs = startedAtMs;
    const target = this.#options.createFileTarget(this.#nextFile(), {
      done: () => {
        logger.notice("Background saving terminated with success");
        this.#endJob();
        this.#saved(dirty, startedAtMs);
      },
      failed: (message) => {
        logger.warning(`Background saving error: ${message}`);
        this.#job?.abort();
        this.#endJob();
        this.#isLastSaveOk = false;
        this.#lastSaveSeconds = this.#secondsSince(startedAtMs);
      },
    });
    this.startSnapshot(target);
    this.#isSaving = true;
    logger.notice("Background saving started");
    return true;
  }

  /** BGSAVE SCHEDULE: as soon as nothing else is under way. */
  schedule(): void {
    this.#isScheduled = true;
  }

  /** Cuts now and writes to the target in the background. The owner of the target calls `finishSnapshot` when it is done. */
  startSnapshot(target: SnapshotTarget, isAofBase = false, form = rdbForm): SnapshotJob {
    const { clock, caughtUp, config } = this.#options;
    const keyDelayUs = (): number => config.get("rdb-key-save-delay");
    const snapshot = this.#cut(target, isAofBase, form);
    this.#meter.begin();
    const job = new SnapshotJob({ snapshot, target, clock, meter: this.#meter, keyDelayUs, caughtUp });
    this.#job = job;
    this.#jobStartedAtMs = clock.nowMs();
    job.start();
    return job;
  }

  /** The target of a snapshot that `startSnapshot` began has done, or failed. */
  finishSnapshot(job: SnapshotJob): void {
    if (this.#job === job) this.#endJob();
  }

  /** FLUSHALL has run: what is being saved is wanted no more; with save points the empty data set is saved at once. */
  flushed(): void {
    if (this.#options.keyspace.count > 0) return;
    const wasSaving = this.#isSaving;
    this.abort();
    const { config, keyspace } = this.#options;
    if (config.get("save").length === 0) return;
    if (wasSaving) this.#isLastSaveOk = true;
    const { dirty } = keyspace;
    this.saveNow();
    // By this count the dispatcher tells whether the flush changed anything that replicas must be told.
    keyspace.dirty = dirty;
  }

  /** Gives up the save under way, if there is one. */
  abort(): void {
    if (this.#job === undefined) return;
    this.#job.abort();
    this.#endJob();
  }

  /** Ten times a second: save points and scheduled saves. */
  tick(): void {
    if (!this.mayBegin) return;
    if (this.#isScheduled) {
      this.#isScheduled = false;
      this.saveInBackground();
      return;
    }
    const { config, keyspace, clock, logger } = this.#options;
    const nowMs = clock.nowMs();
    const mayTry = this.#isLastSaveOk || nowMs - this.#lastAttemptAtMs > RETRY_AFTER_MS;
    if (!mayTry) return;
    for (const { seconds, changes } of config.get("save")) {
      if (keyspace.dirty < changes || nowMs - this.#lastSaveAtMs <= seconds * 1000) continue;
      logger.notice(`${changes} changes in ${seconds} seconds. Saving...`);
      this.saveInBackground();
      return;
    }
  }

  /** Loads the file, if there is one, and gives its aux fields. Rejects, with the place, if it cannot be loaded whole. */
  async load(): Promise<ReadonlyMap<string, string> | undefined> {
    this.removeLeftovers();
    const aux = (await this.#loading.load(this.snapshotFile))?.auxFields;
    if (aux !== undefined) this.forgetChanges();
    return aux;
  }

  /** Temporary files that a crash left in the data directory. */
  removeLeftovers(): void {
    const { disk, config, processId, isProcessAlive } = this.#options;
    removeLeftovers(disk, config.get("dir"), (id) => id !== processId && isProcessAlive(id));
  }

  /** What is in memory is what is on the disk. */
  forgetChanges(): void {
    this.#options.keyspace.dirty = 0;
  }

  /** A replica's full sync, see DataLoading. The file of that does not stay, so what it brings has yet to be saved. */
  async replaceBy(file: string, oldData: OldData): Promise<ReadonlyMap<string, string>> {
    const aux = await this.#loading.replaceBy(file, oldData);
    this.#options.keyspace.dirty++;
    return aux;
  }

  /** A full sync is not wanted any more: one whose old data is still there is given up. */
  giveUpReplacement(): void {
    this.#loading.giveUp();
  }

  /** DEBUG RELOAD; gives what went wrong. */
  reloadNow(request: ReloadRequest): string | undefined {
    return reload(this, this.#options, request);
  }

  /** All data is gone, and a save of it is given up: other data is about to be loaded. */
  empty(): void {
    this.abort();
    this.#loading.forgetAll();
  }

  /** Loads the snapshot at the head of a file into what is there; gives where it ends. */
  async loadHead(file: string, progress: LoadProgress): Promise<number> {
    const loaded = await this.#loading.load(file, { within: progress });
    if (loaded === undefined) throw new Error(`Cannot load "${file}": it is gone`);
    return loaded.bytes;
  }

  /** Loading goes on outside: the append-only file. */
  set loadProgress(progress: LoadProgress | undefined) {
    this.#loading.progress = progress;
  }

  /** "" without a `dbfilename`: there is no such file, and none can be written. */
  get snapshotFile(): string {
    const { config } = this.#options;
    const name = config.get("dbfilename");
    return name === "" ? "" : path.join(config.get("dir"), name);
  }

  createLoader(replaces: boolean): KeyspaceLoader {
    return this.#loading.createLoader({ replaces });
  }

  facts(): Omit<PersistenceFacts, "space"> {
    const { keyspace } = this.#options;
    return {
      loading: this.#loading.facts(),
      changesSinceSave: keyspace.dirty,
      isSaving: this.#isSaving,
      savedKeys: this.#job?.keysWritten ?? 0,
      keysToSave: this.#job?.keysAtCut ?? 0,
      snapshots: { ...this.#meter.facts(), waitingBytes: this.#job?.waitingBytes ?? 0 },
      lastSaveAtMs: this.#lastSaveAtMs,
      isLastSaveOk: this.#isLastSaveOk,
      lastSaveSeconds: this.#lastSaveSeconds,
      currentSaveSeconds: this.#isSaving ? this.#secondsSince(this.#jobStartedAtMs) : -1,
      saves: this.#saves,
      lastLoadExpiredKeys: this.#loading.lastExpiredKeys,
      lastLoadKeys: this.#loading.lastKeys,
      appendOnly: this.#options.appendOnly().facts(),
    };
  }

  /** A name in the data directory for a snapshot that is being received; goes at the next start if it is left behind. */
  temporaryFile(): string {
    return path.join(this.#options.config.get("dir"), this.#temporaryName());
  }

  #temporaryName(): string {
    return temporarySnapshotName(this.#options.processId, ++this.#filesBegun);
  }

  #nextFile(): SnapshotFileOptions {
    const { config } = this.#options;
    return {
      directory: config.get("dir"),
      name: config.get("dbfilename"),
      temporaryName: this.#temporaryName(),
      checksum: config.get("rdbchecksum"),
    };
  }

  #cut(target: SnapshotTarget, isAofBase: boolean, form: SnapshotForm): Snapshot {
    const { keyspace, config } = this.#options;
    return new Snapshot({
      ...{ keyspace, collections: this.#ownCollections, form, header: this.#header(isAofBase) },
      output: new RdbOutput(target, { compress: config.get("rdbcompression") }),
    });
  }

  #header(isAofBase: boolean): RdbHeader {
    const { keyspace, clock, replicationPosition, libraries } = this.#options;
    const replication = replicationPosition();
    return {
      ...{ version: COMPATIBLE_VERSION, createdAtSeconds: Math.floor(clock.nowMs() / 1000), isAofBase },
      ...{ usedMemoryBytes: keyspace.arena.usedBytes, libraries: libraries().sources() },
      ...(replication === undefined ? {} : { replication }),
    };
  }

  /** An RDB file of the libraries of functions alone. */
  librariesFile(): Buffer {
    return librariesFile(this.#header(false));
  }

  #saved(dirtyAtCut: number, startedAtMs: number): void {
    const { keyspace, clock } = this.#options;
    keyspace.dirty = Math.max(0, keyspace.dirty - dirtyAtCut);
    this.#lastSaveAtMs = clock.nowMs();
    this.#lastSaveSeconds = this.#secondsSince(startedAtMs);
    this.#isLastSaveOk = true;
    this.#saves++;
  }

  #endJob(): void {
    this.#job = undefined;
    this.#isSaving = false;
  }

  #secondsSince(startedAtMs: number): number {
    return Math.floor((this.#options.clock.nowMs() - startedAtMs) / 1000);
  }
}
